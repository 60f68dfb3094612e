"""The built-in operations: A2E's sixteen, and what is new: LoadData, Parallel, approvals, events, other workflows."""

from muelle.packs import Pack
from muelle.workflows.operations.api_call import API_CALL
from muelle.workflows.operations.approve import APPROVE
from muelle.workflows.operations.calculate import CALCULATE
from muelle.workflows.operations.call_endpoint import CALL_ENDPOINT
from muelle.workflows.operations.conditional import CONDITIONAL
from muelle.workflows.operations.dates import CONVERT_TIMEZONE, DATE_CALCULATION, GET_CURRENT_DATE_TIME
from muelle.workflows.operations.emit import EMIT
from muelle.workflows.operations.encode_decode import ENCODE_DECODE
from muelle.workflows.operations.execute_sql import EXECUTE_SQL
from muelle.workflows.operations.filter_data import FILTER_DATA
from muelle.workflows.operations.loop import LOOP
from muelle.workflows.operations.merge_data import MERGE_DATA
from muelle.workflows.operations.parallel import PARALLEL
from muelle.workflows.operations.run_workflow import RUN_WORKFLOW
from muelle.workflows.operations.storage import LOAD_DATA, STORE_DATA
from muelle.workflows.operations.text import EXTRACT_TEXT, FORMAT_TEXT
from muelle.workflows.operations.transform_data import TRANSFORM_DATA
from muelle.workflows.operations.validate_data import VALIDATE_DATA
from muelle.workflows.operations.wait import WAIT
from muelle.workflows.operations.wait_for_event import WAIT_FOR_EVENT

BUILT_IN = Pack(
    name="a2e",
    needs=frozenset({"http", "storage"}),
    operations=(
        API_CALL,
        CALL_ENDPOINT,
        EXECUTE_SQL,
        FILTER_DATA,
        TRANSFORM_DATA,
        CONDITIONAL,
        LOOP,
        PARALLEL,
        STORE_DATA,
        LOAD_DATA,
        WAIT,
        APPROVE,
        WAIT_FOR_EVENT,
        EMIT,
        RUN_WORKFLOW,
        MERGE_DATA,
        GET_CURRENT_DATE_TIME,
        CONVERT_TIMEZONE,
        DATE_CALCULATION,
        FORMAT_TEXT,
        EXTRACT_TEXT,
        VALIDATE_DATA,
        CALCULATE,
        ENCODE_DECODE,
    ),
)
