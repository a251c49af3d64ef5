using EnvPlatform.Contracts.Events;
using EnvPlatform.Identity.Invitations;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Pages;

/// <summary>
/// Somebody opens the link of an invitation, sees who invites to what, and accepts or declines. Opening it changes nothing. The token is in
/// the address once: it is exchanged for a cookie, and the browser led away. Who has no account makes one here.
/// </summary>
internal static class InvitationPages
{
    private const string Here = "/invitations";

    internal static void MapInvitationPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet(Here + "/{token}", Open).WithName("InvitationLink");
        pages.MapGet(Here, LookAsync).WithName("InvitationPage");
        pages.MapPost(Here + "/join", JoinAsync).WithName("JoinForm");
        pages.MapPost(Here + "/accept", AcceptAsync).WithName("AcceptForm");
        pages.MapPost(Here + "/decline", DeclineAsync).WithName("DeclineForm");
        pages.MapGet(Here + "/accepted", () => Page.Of<InvitationAnsweredView>(new { Joined = true })).WithName("AcceptedPage");
        pages.MapGet(Here + "/mailed", () => Page.Of<InvitationAnsweredView>(new { Mailed = true })).WithName("MailedPage");
        pages.MapGet(Here + "/declined", () => Page.Of<InvitationAnsweredView>()).WithName("DeclinedPage");
    }

    private static IResult Open(string token, HttpResponse http)
    {
        if (!SecretFormat.IsWellFormed(token, SecretFormat.InvitationPrefix))
        {
            return Ended();
        }

        InvitationCookie.Set(http, token);
        return Page.GoTo(Here);
    }

    private static Task<IResult> LookAsync(HttpContext http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
        ShowAsync(http, db, clock.GetUtcNow(), ct);

    private static async Task<IResult> ShowAsync(
        HttpContext http, NpgsqlDataSource db, DateTimeOffset now, CancellationToken ct, string? message = null, string? reason = null,
        string? displayName = null, string? email = null, int status = StatusCodes.Status200OK)
    {
        if (InvitationCookie.Read(http.Request) is not { } token || await InvitationPreview.FindAsync(db, token, ct) is not { } invitation)
        {
            return Ended();
        }

        if (!invitation.IsOpen(now))
        {
            return invitation.EndedAs is null or "expired" ? Expired() : Ended();
        }

        var me = BrowserSession.Of(http);
        return Page.Of<InvitationView>(
            new
            {
                invitation.Organization,
                invitation.InvitedBy,
                invitation.MaskedEmail,
                invitation.ExpiresAt,
                State = me is null ? InvitationView.For.Nobody
                    : invitation.IsFor(me.Email) ? InvitationView.For.This : InvitationView.For.Another,
                SignedInAs = me?.Email,
                invitation.EmailDomain,
                Email = email,
                DisplayName = displayName ?? invitation.DisplayName,
                Message = message,
                Reason = reason,
            }, status);
    }

    private static async Task<IResult> JoinAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, Joining joining, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var form = await http.Request.ReadFormAsync(ct);
        var name = form["display_name"].ToString().Trim();
        var email = form["email"].ToString().Trim() is { Length: > 0 } said ? said : null;
        if (InvitationCookie.Read(http.Request) is not { } token)
        {
            return Ended();
        }

        if (name.Length is 0 or > 200 || ServiceDefaults.PlainText.HoldsControl(name))
        {
            return await ShowAsync(
                http, db, now, ct, "Give a name of at most 200 characters.", email: email, status: StatusCodes.Status400BadRequest);
        }

        await using var tx = await db.BeginAsync(ct);
        var (refusal, joined) = await joining.JoinAsync(
            tx, new(token, form["password"].ToString(), name, email), origin, http.Response, now, ct);
        if (refusal is not null)
        {
            return refusal.ProblemDetails is HttpValidationProblemDetails invalid
                ? await ShowAsync(
                    http, db, now, ct, message: invalid.Errors.TryGetValue("email", out var bad) ? bad[0] : null,
                    reason: invalid.Errors.TryGetValue("password", out var weak) ? weak[0] : null, displayName: name,
                    email: email, status: StatusCodes.Status400BadRequest)
                : await RefusedAsync(refusal, http, db, now, ct);
        }

        if (joined is null)
        {
            InvitationCookie.Clear(http.Response);
            return Page.GoTo(Here + "/mailed");
        }

        var (id, _) = await BrowserSession.StartAsync(http, tx, joined.Person.SubjectId, isOperator: false, now);
        tx.Audit(
            joined.Person with { TokenId = id, Organization = joined.Invitation.Membership }, now, "authentication_success",
            new AuditTarget(joined.Person.SubjectId.ToString(), joined.Person.Email, "user"),
            $"{joined.Person.DisplayName} signed in with a browser.", new { method = "invitation" });
        await tx.CommitAsync();
        InvitationCookie.Clear(http.Response);
        return Page.GoTo(Here + "/accepted");
    }

    private static async Task<IResult> AcceptAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (InvitationCookie.Read(http.Request) is not { } token)
        {
            return Ended();
        }

        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn(Here));
        }

        await using (var tx = await db.BeginAsync(ct))
        {
            var invitation = await Invitation.LockAsync(tx, token);
            if (Invitation.Refuse(invitation, now) is { } refusal)
            {
                return await RefusedAsync(refusal, http, db, now, ct);
            }

            if (!invitation!.IsFor(me.Email))
            {
                return await ShowAsync(http, db, now, ct, status: StatusCodes.Status403Forbidden);
            }

            if (await invitation.AcceptAsync(tx, me.ToCaller(origin), now) is { } refused)
            {
                return await RefusedAsync(refused, http, db, now, ct);
            }

            await tx.CommitAsync();
        }

        InvitationCookie.Clear(http.Response);
        return Page.GoTo(Here + "/accepted");
    }

    /// <summary>Whoever holds the token may decline; nobody needs an account to say no.</summary>
    private static async Task<IResult> DeclineAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (InvitationCookie.Read(http.Request) is not { } token)
        {
            return Ended();
        }

        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var invitation = await Invitation.LockAsync(tx, token);
        if (invitation is not { EndedAs: null } || invitation.ExpiresAt <= now)
        {
            return Ended();
        }

        var caller = BrowserSession.Of(http) is { } me && invitation.IsFor(me.Email)
            ? me.ToCaller(origin) : Caller.OfSystem(AuthenticationFailures.Service, organization: null, origin);
        if (await invitation.DeclineAsync(tx, caller, now) is { } refusal)
        {
            return await RefusedAsync(refusal, http, db, now, ct);
        }

        await tx.CommitAsync();
        InvitationCookie.Clear(http.Response);
        return Page.GoTo(Here + "/declined");
    }

    private static async Task<IResult> RefusedAsync(
        ProblemHttpResult refusal, HttpContext http, NpgsqlDataSource db, DateTimeOffset now, CancellationToken ct) =>
        refusal.StatusCode switch
        {
            StatusCodes.Status404NotFound => Ended(),
            _ when refusal.ProblemDetails.Extensions["code"] is "invitation_expired" => Expired(),
            var status => await ShowAsync(http, db, now, ct, refusal.ProblemDetails.Detail, status: status),
        };

    private static RazorComponentResult<ErrorView> Ended() => Page.Error(
        StatusCodes.Status404NotFound, "There is no such invitation",
        "It was answered or withdrawn, or the link is not complete, or it was opened too long ago: then open the link again. Otherwise ask "
        + "whoever invited you for another one.");

    private static RazorComponentResult<ErrorView> Expired() => Page.Error(
        StatusCodes.Status410Gone, "The invitation has expired", "Ask whoever invited you for another one.");
}
