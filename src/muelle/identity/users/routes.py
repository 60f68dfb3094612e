"""The HTTP routes of users: what strangers may ask, what people do about their accounts, and their administration."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from muelle.core import Body, answers
from muelle.identity.audit import MAX_PAGE
from muelle.identity.model import Principal
from muelle.identity.shapes import NAME
from muelle.identity.tokens.routes import OPEN, Sessioned, origin_of, request_id, told
from muelle.identity.tokens.shapes import EndedShape, SessionList, TokensShape, session_shape, tokens_shape
from muelle.identity.users import passkey_shapes, shapes
from muelle.identity.users.accounts import Accounts
from muelle.identity.users.administration import UserDraft, Users
from muelle.identity.users.opening import UserDoors
from muelle.identity.users.passkeys import Passkeys
from muelle.identity.users.signing_in import Claim

Caller = Callable[[Request], Awaitable[Principal]]
UserName = Annotated[str, Path(pattern=NAME, description="The user's name.")]
PasskeyId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,1400}$", description="The passkey's id.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="The next_cursor of the page before.")]

_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_MAILED = answers(202, "A mail is on its way, if there is anybody to get it.", shapes.MailedShape)
_SIGN_IN, _SIGN_UP = Body(shapes.SignInBody), Body(shapes.SignUpBody)
_ACCEPT, _FORGOT = Body(shapes.AcceptBody), Body(shapes.AddressBody)
_RESET, _VERIFY = Body(shapes.ResetBody), Body(shapes.TicketBody)
_PASSWORD, _EMAIL = Body(shapes.NewPassword), Body(shapes.NewEmail)
_PROOF, _CODE, _WHOLE = Body(shapes.Proof), Body(shapes.CodeBody), Body(shapes.WholeProof)
_NEW_PASSKEY, _PASSKEY = Body(passkey_shapes.NewPasskey), Body(passkey_shapes.PasskeyAnswer)
_NEW_USER, _INVITATION = Body(shapes.NewUser), Body(shapes.NewInvitation)


def routes(doors: UserDoors, sessioned: Sessioned, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, and `sessioned` in which session, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1", tags=["users"])
    who = Depends(caller)
    _signing_in(router, doors)
    _mailed(router, doors.accounts)
    _tickets(router, doors.accounts)
    _own(router, doors.accounts, who, sessioned)
    _factors(router, doors.accounts, who)
    _passkeys(router, doors.passkeys, who)
    _passkey_sign_in(router, doors.passkeys)
    _users(router, doors.users, who)
    _user(router, doors.users, who)
    _user_sessions(router, doors.users, who)
    return router


def _signing_in(router: APIRouter, doors: UserDoors) -> None:
    @router.post(
        "/auth/sign-in",
        responses=answers(200, "The tokens of a new session.", TokensShape),
        openapi_extra={**_SIGN_IN.description, **OPEN},
        summary="Sign in",
    )
    async def sign_in(request: Request) -> Response:
        body = await _read(_SIGN_IN, request)
        claim = Claim(tenant=body.tenant, email=body.email, password=body.password, code=body.code)
        tokens = await doors.signing_in.sign_in(claim, origin_of(request, "password"), request=request_id(request))
        return told(tokens_shape(tokens))

    @router.post(
        "/auth/accept",
        status_code=201,
        responses={201: answers(200, "The tokens of the new user's first session.", TokensShape)[200]},
        openapi_extra={**_ACCEPT.description, **OPEN},
        summary="Accept an invitation, or finish signing up",
    )
    async def accept_invitation(request: Request) -> Response:
        body = await _read(_ACCEPT, request)
        origin = origin_of(request, "invitation")
        tokens = await doors.accounts.accept(body.token, body.password, origin, name=body.name or "")
        return told(tokens_shape(tokens), 201)


def _mailed(router: APIRouter, accounts: Accounts) -> None:
    @router.post(
        "/auth/sign-up",
        status_code=202,
        responses=_MAILED,
        openapi_extra={**_SIGN_UP.description, **OPEN},
        summary="Sign up",
    )
    async def sign_up(request: Request) -> Response:
        await accounts.sign_up((await _read(_SIGN_UP, request)).email)
        return told(shapes.MailedShape(), 202)

    @router.post(
        "/auth/forgot",
        status_code=202,
        responses=_MAILED,
        openapi_extra={**_FORGOT.description, **OPEN},
        summary="Ask for a mail that replaces a password",
    )
    async def forgot_password(request: Request) -> Response:
        body = await _read(_FORGOT, request)
        await accounts.forgot(body.tenant, body.email)
        return told(shapes.MailedShape(), 202)


def _tickets(router: APIRouter, accounts: Accounts) -> None:
    @router.post(
        "/auth/reset",
        status_code=204,
        responses=_GONE,
        openapi_extra={**_RESET.description, **OPEN},
        summary="Replace a password by the token of a mail; all sessions end",
    )
    async def reset_password(request: Request) -> Response:
        body = await _read(_RESET, request)
        await accounts.reset(body.token, body.password)
        return Response(status_code=204)

    @router.post(
        "/auth/verify",
        status_code=204,
        responses=_GONE,
        openapi_extra={**_VERIFY.description, **OPEN},
        summary="Confirm an address by the token of a mail",
    )
    async def verify_address(request: Request) -> Response:
        await accounts.verify((await _read(_VERIFY, request)).token)
        return Response(status_code=204)


def _own(router: APIRouter, accounts: Accounts, who: Any, sessioned: Sessioned) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.post(
        "/auth/password",
        status_code=204,
        responses=_GONE,
        openapi_extra=_PASSWORD.description,
        summary="Replace my password; my other sessions end",
    )
    async def change_password(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_PASSWORD, request)
        spare = await sessioned(request) or ""
        await accounts.change_password(actor, body.password, body.new_password, _address(request), spare=spare)
        return Response(status_code=204)

    @router.post(
        "/auth/email",
        status_code=202,
        responses=_MAILED,
        openapi_extra=_EMAIL.description,
        summary="Replace my address, once it is confirmed",
    )
    async def change_email(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_EMAIL, request)
        await accounts.change_email(actor, body.password, body.email, _address(request))
        return told(shapes.MailedShape(), 202)


def _factors(router: APIRouter, accounts: Accounts, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.post(
        "/auth/second-factor",
        responses=answers(200, "What an authenticator is to be given.", shapes.EnrolmentShape),
        openapi_extra=_PROOF.description,
        summary="Begin to use a second factor",
    )
    async def begin_second_factor(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_PROOF, request)
        made = await accounts.begin_factor(actor, body.password, _address(request))
        return told(shapes.EnrolmentShape(secret=made.secret.reveal(), uri=made.uri.reveal()))

    @router.post(
        "/auth/second-factor/confirm",
        responses=answers(200, "The recovery codes, shown this once.", shapes.RecoveryShape),
        openapi_extra=_CODE.description,
        summary="Confirm a second factor with its first code",
    )
    async def confirm_second_factor(request: Request, actor: Annotated[Principal, who]) -> Response:
        codes = await accounts.confirm_factor(actor, (await _read(_CODE, request)).code)
        return told(shapes.RecoveryShape(recovery_codes=tuple(code.reveal() for code in codes)))

    @router.post(
        "/auth/second-factor/remove",
        status_code=204,
        responses=_GONE,
        openapi_extra=_WHOLE.description,
        summary="Remove my second factor",
    )
    async def remove_second_factor(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_WHOLE, request)
        await accounts.remove_factor(actor, body.password, body.code, _address(request))
        return Response(status_code=204)


def _users(router: APIRouter, users: Users, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/users", responses=answers(200, "Users, oldest first.", shapes.UserPage), summary="List users")
    async def list_users(
        request: Request, actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await users.list(actor, limit, cursor, request=request_id(request))
        items = tuple(map(shapes.user_shape, page.items))
        return told(shapes.UserPage(users=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/users",
        status_code=201,
        responses=answers(201, "The user.", shapes.UserShape),
        openapi_extra=_NEW_USER.description,
        summary="Add a user",
    )
    async def add_user(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_NEW_USER, request)
        draft = UserDraft(
            body.name,
            body.email,
            description=body.description,
            preset=body.preset,
            password=body.password,
            password_hash=body.password_hash,
            is_verified=body.is_verified,
        )
        person = await users.add(actor, draft, request=request_id(request))
        answer = told(shapes.user_shape(person), 201)
        answer.headers["location"] = f"/api/v1/users/{person.user.name}"
        return answer

    @router.post(
        "/users/invitations",
        status_code=202,
        responses=_MAILED,
        openapi_extra=_INVITATION.description,
        summary="Invite somebody by mail",
    )
    async def invite_user(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_INVITATION, request)
        await users.invite(actor, body.email, name=body.name or "", preset=body.preset, request=request_id(request))
        return told(shapes.MailedShape(), 202)


def _user(router: APIRouter, users: Users, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/users/{user}", responses=answers(200, "The user.", shapes.UserShape), summary="Show a user")
    async def show_user(request: Request, actor: Annotated[Principal, who], user: UserName) -> Response:
        return told(shapes.user_shape(await users.show(actor, user, request=request_id(request))))

    @router.post(
        "/users/{user}/disable",
        responses=answers(200, "The user, whose sessions have ended.", shapes.UserShape),
        summary="Disable a user",
    )
    async def disable_user(request: Request, actor: Annotated[Principal, who], user: UserName) -> Response:
        return told(shapes.user_shape(await users.disable(actor, user, request=request_id(request))))

    @router.post(
        "/users/{user}/enable",
        responses=answers(200, "The user, who may sign in again.", shapes.UserShape),
        summary="Enable a user",
    )
    async def enable_user(request: Request, actor: Annotated[Principal, who], user: UserName) -> Response:
        return told(shapes.user_shape(await users.enable(actor, user, request=request_id(request))))

    @router.post(
        "/users/{user}/reset-password",
        status_code=202,
        responses=_MAILED,
        summary="Mail a user a new password's token",
    )
    async def mail_reset(request: Request, actor: Annotated[Principal, who], user: UserName) -> Response:
        await users.reset_password(actor, user, request=request_id(request))
        return told(shapes.MailedShape(), 202)

    @router.post(
        "/users/{user}/remove-second-factor",
        responses=answers(200, "The user, who is asked for no codes any more.", shapes.UserShape),
        summary="Remove the second factor of a user who lost it",
    )
    async def remove_users_factor(request: Request, actor: Annotated[Principal, who], user: UserName) -> Response:
        return told(shapes.user_shape(await users.remove_factor(actor, user, request=request_id(request))))


def _user_sessions(router: APIRouter, users: Users, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/users/{user}/sessions",
        responses=answers(200, "The open sessions, newest first.", SessionList),
        summary="List a user's sessions",
    )
    async def list_user_sessions(request: Request, actor: Annotated[Principal, who], user: UserName) -> Response:
        found = await users.sessions(actor, user, request=request_id(request))
        return told(SessionList(sessions=tuple(map(session_shape, found)), count=len(found)))

    @router.delete(
        "/users/{user}/sessions",
        responses=answers(200, "How many sessions ended.", EndedShape),
        summary="End all sessions of a user",
    )
    async def end_user_sessions(request: Request, actor: Annotated[Principal, who], user: UserName) -> Response:
        return told(EndedShape(ended=await users.end_sessions(actor, user, request=request_id(request))))


def _passkeys(router: APIRouter, passkeys: Passkeys, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/auth/passkeys", responses=answers(200, "My passkeys.", passkey_shapes.PasskeyList), summary="List my passkeys"
    )
    async def list_passkeys(actor: Annotated[Principal, who]) -> Response:
        items = tuple(map(passkey_shapes.passkey_shape, await passkeys.of(actor)))
        return told(passkey_shapes.PasskeyList(passkeys=items, count=len(items)))

    @router.post(
        "/auth/passkeys/begin",
        responses=answers(200, "What the browser is to be asked.", passkey_shapes.ChallengeShape),
        openapi_extra=_PROOF.description,
        summary="Begin to add a passkey",
    )
    async def begin_passkey(request: Request, actor: Annotated[Principal, who]) -> Response:
        begun = await passkeys.begin(actor, (await _read(_PROOF, request)).password, _address(request))
        return told(passkey_shapes.ChallengeShape(options=dict(begun.options), secret=begun.secret.reveal()))

    @router.post(
        "/auth/passkeys",
        status_code=201,
        responses={201: answers(200, "The passkey.", passkey_shapes.PasskeyShape)[200]},
        openapi_extra=_NEW_PASSKEY.description,
        summary="Add a passkey",
    )
    async def add_passkey(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_NEW_PASSKEY, request)
        return told(
            passkey_shapes.passkey_shape(await passkeys.add(actor, body.secret, body.credential, body.name)), 201
        )

    @router.delete("/auth/passkeys/{passkey}", status_code=204, responses=_GONE, summary="Remove a passkey")
    async def remove_passkey(actor: Annotated[Principal, who], passkey: PasskeyId) -> Response:
        await passkeys.remove(actor, passkey)
        return Response(status_code=204)


def _passkey_sign_in(router: APIRouter, passkeys: Passkeys) -> None:
    @router.post(
        "/auth/passkeys/sign-in/begin",
        responses=answers(200, "What the browser is to be asked.", passkey_shapes.ChallengeShape),
        openapi_extra=OPEN,
        summary="Begin to sign in with a passkey",
    )
    async def begin_passkey_sign_in() -> Response:
        begun = await passkeys.begin_sign_in()
        return told(passkey_shapes.ChallengeShape(options=dict(begun.options), secret=begun.secret.reveal()))

    @router.post(
        "/auth/passkeys/sign-in",
        responses=answers(200, "The tokens of a new session.", TokensShape),
        openapi_extra={**_PASSKEY.description, **OPEN},
        summary="Sign in with a passkey",
    )
    async def sign_in_with_passkey(request: Request) -> Response:
        body = await _read(_PASSKEY, request)
        origin = origin_of(request, "passkey")
        tokens = await passkeys.sign_in(body.secret, body.credential, origin, request=request_id(request))
        return told(tokens_shape(tokens))


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
