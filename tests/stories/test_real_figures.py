"""A document works out real figures, the GDP per capita of the G7, and finds what an independent script found."""

import csv
import json
import operator
from pathlib import Path
from typing import Any

import pytest

from muelle.app import open_app, read_configuration
from muelle.workflows import plain_answer

FIGURES = Path(__file__).parent.parent.parent.parent / "shared" / "fred-data" / "prueba_modular"
pytestmark = pytest.mark.skipif(not FIGURES.is_dir(), reason="shared/fred-data is not beside the repository")


def op(name: str, kind: str, **config: Any) -> dict[str, Any]:
    return {"id": name, "operation": {kind: config}}


def calculated(name: str, source: str, operation: str, operand: Any = None, to: str | None = None) -> dict[str, Any]:
    given = {} if operand is None else {"operand": operand}
    return op(name, "Calculate", inputPath=source, operation=operation, **given, outputPath=to or f"/workflow/{name}")


def year(name: str, number: int) -> dict[str, Any]:
    conditions = [
        {"field": "year", "operator": "==", "value": number},
        {"field": "country", "operator": "==", "value": {"path": "/loop/item"}},
    ]
    return op(name, "FilterData", inputPath="/input/rows", conditions=conditions, outputPath=f"/workflow/{name}")


OPERATIONS = [
    op("last", "FilterData", inputPath="/input/rows", outputPath="/workflow/last",
       conditions=[{"field": "year", "operator": "==", "value": 2010}]),
    op("ranking", "TransformData", inputPath="/workflow/last", transform="sort",
       config={"field": "value", "order": "desc"}, outputPath="/workflow/ranking"),
    op("each", "Loop", inputPath="/input/countries", outputPath="/workflow/rates",
       operations=["begin", "end", "ratio", "rise", "growth", "yearly", "rate", "cagr", "both"]),
    year("begin", 1980),
    year("end", 2010),
    calculated("ratio", "/workflow/end/0/value", "divide", {"path": "/workflow/begin/0/value"}),
    calculated("rise", "/workflow/ratio", "subtract", 1),
    calculated("growth", "/workflow/rise", "multiply", 100, "/workflow/found/growth"),
    calculated("yearly", "/workflow/ratio", "power", 1 / 30),
    calculated("rate", "/workflow/yearly", "subtract", 1),
    calculated("cagr", "/workflow/rate", "multiply", 100, "/workflow/found/cagr"),
    op("both", "MergeData", sources=["/workflow/found", "/workflow/found"], strategy="merge", outputPath="/workflow/x"),
]  # fmt: skip


async def test_growth_and_ranking_of_the_g7_are_what_an_independent_script_found() -> None:
    with (FIGURES / "gdp_data_raw.csv").open() as file:
        rows = [
            {"year": int(row["year"]), "country": row["country"], "value": float(row["value"])}
            for row in csv.DictReader(file)
        ]
    golden = json.loads((FIGURES / "analysis_results.json").read_text())
    countries = golden["metadata"]["countries"]
    document = json.dumps({"operationUpdate": {"workflowId": "g7", "operations": OPERATIONS}}).encode()
    async with open_app(read_configuration(None, {}), None) as app:
        me = await app.identity.operator()
        answer = plain_answer(await app.workflows.run(me, document, {"rows": rows, "countries": countries}))
    assert answer["status"] == "success"
    ranking = [(row["country"], row["value"]) for row in answer["results"]["ranking"]]
    assert ranking == [tuple(entry) for entry in golden["rankings"]["by_final_gdp"]]
    rates = dict(zip(countries, answer["results"]["each"], strict=True))
    for country, metrics in golden["metrics_by_country"].items():
        found = operator.itemgetter("growth", "cagr")(rates[country])
        assert found == pytest.approx((metrics["total_growth_pct"], metrics["cagr_pct"]), rel=1e-12)
