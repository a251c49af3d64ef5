using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Notices;
using EnvPlatform.Identity.OAuth.Stores;
using EnvPlatform.Identity.Pages;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.OAuth;

/// <summary>
/// Somebody is led here by a program that wants to act for it (RFC 6749 section 4.1), and lets it or not. What the program asks for, and
/// that it is led back to where it belongs, the protocol engine has verified before anything is shown.
/// </summary>
internal static class AuthorizePage
{
    private const string Path = "/oauth/authorize";

    /// <summary>What the person says, and no address for it.</summary>
    private static readonly string[] OfTheForm = ["form_token", "decision", "chosen_organization"];

    internal static void MapAuthorizePage(this IEndpointRouteBuilder pages)
    {
        pages.MapGet(Path, ShowAsync).WithName("AuthorizePage");
        pages.MapPost(Path, DecideAsync).WithName("AuthorizeForm");
    }

    private static async Task<IResult> ShowAsync(HttpContext http, OAuthTx transaction, ClientStore clients, CancellationToken ct)
    {
        if (await OAuthServer.HandleAsync(http))
        {
            return Results.Empty;
        }

        PageRules.SetHeaders(http.Response);
        if (OAuthServer.ErrorOf(http) is { } error)
        {
            return Page.Error(
                StatusCodes.Status400BadRequest, "A program asked for something that cannot be",
                $"Nobody was signed in, and you are not led back to it. {error.ErrorDescription}");
        }

        var request = http.GetOpenIddictServerRequest()!;
        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn(Path + http.Request.QueryString));
        }

        var organizations = await Choice.ListAsync(await transaction.GetAsync(), me.SubjectId);
        var client = (await clients.FindByClientIdAsync(request.ClientId!, ct))!;
        PageRules.AllowFormTo(http.Response, new Uri(request.RedirectUri!));
        return Page.Of<ConsentView>(new
        {
            ClientName = client.Name,
            client.Native,
            LeadsTo = new Uri(request.RedirectUri!).GetLeftPart(UriPartial.Authority),
            Fields = http.Request.Query.Where(field => field.Value.Count == 1 && !OfTheForm.Contains(field.Key))
                .Select(field => KeyValuePair.Create(field.Key, field.Value.ToString())).ToArray(),
            Organizations = organizations,
            Asked = organizations.Find(one => one.Slug == (string?)request["organization"])?.Id,
            Scopes = request.GetScopes().ToArray(),
        });
    }

    private static async Task<IResult> DecideAsync(
        HttpContext http, RequestOrigin origin, OAuthTx transaction, ClientStore clients, MailSender mail, TimeProvider clock,
        CancellationToken ct)
    {
        var form = await http.Request.ReadFormAsync(ct);
        if (await OAuthServer.HandleAsync(http))
        {
            return Results.Empty;
        }

        PageRules.SetHeaders(http.Response);
        if (OAuthServer.ErrorOf(http) is { } error)
        {
            return Page.Error(
                StatusCodes.Status400BadRequest, "A program asked for something that cannot be", error.ErrorDescription ?? "");
        }

        if (BrowserSession.Of(http) is not { } me || !await me.LockAsync(await transaction.GetAsync()))
        {
            return Page.Error(
                StatusCodes.Status401Unauthorized, "You are not signed in any more", "Go back to the program and begin again.");
        }

        var request = http.GetOpenIddictServerRequest()!;
        if (form["decision"] != "allow")
        {
            return OAuthServer.Refuse(OpenIddictConstants.Errors.AccessDenied, "The person did not let the program act for it.");
        }

        var tx = await transaction.GetAsync();
        var chosen = form["chosen_organization"].ToString();
        var organization = (await Choice.ListAsync(tx, me.SubjectId)).Find(one => one.Id.ToString() == chosen);
        if (organization is null && chosen != Choice.All)
        {
            return Page.Error(
                StatusCodes.Status400BadRequest, "You are not in that organization any more", "Go back to the program and begin again.");
        }

        var now = clock.GetUtcNow();
        var isNewDevice = await KnownDevices.NoteAsync(tx, me.SubjectId, $"client {request.ClientId} {origin.SourceNetwork}", now);
        if (isNewDevice)
        {
            var client = (await clients.FindByClientIdAsync(request.ClientId!, ct))!;
            await KnownDevices.TellAsync(tx, mail, me.Email, $"{client.Name}, which may act for you now", origin.SourceAddress, now);
        }

        var id = Guid.CreateVersion7(now);
        var scopes = request.GetScopes();
        await tx.ExecuteAsync(
            """
            insert into oauth_grants
                (id, client_id, subject_id, org_id, method, type, status, scopes, created_at, source_address, new_device)
            values (@id, @ClientId, @SubjectId, @OrgId, 'code', 'ad-hoc', 'valid', @Scopes, @now, null, @isNewDevice)
            """,
            new { id, request.ClientId, me.SubjectId, OrgId = organization?.Id, Scopes = scopes.ToArray(), now, isNewDevice });
        return Results.SignIn(
            OAuthServer.Principal(me.SubjectId, scopes).SetAuthorizationId(id.ToString()), authenticationScheme: OAuthServer.Scheme);
    }
}
