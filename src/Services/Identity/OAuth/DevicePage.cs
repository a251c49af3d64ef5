using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Notices;
using EnvPlatform.Identity.Pages;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.OAuth;

/// <summary>
/// Somebody types in the code that a device of its own shows (RFC 8628 section 3.3), sees who asks and from where, and lets it in or not.
/// Attackers send such codes to people, so the address never fills one in, few can be mistyped, and the page says whose device it must be.
/// </summary>
internal static class DevicePage
{
    private const string Path = "/device";

    internal static void MapDevicePage(this IEndpointRouteBuilder pages)
    {
        pages.MapGet(Path, Show).WithName("DevicePage");
        pages.MapPost(Path, FindAsync).WithName("DeviceCodeForm");
        pages.MapPost($"{Path}/decision", DecideAsync).WithName("DeviceForm");
        pages.MapGet($"{Path}/done", () => Page.Of<DeviceDoneView>(new { Allowed = true })).WithName("DeviceDonePage");
        pages.MapGet($"{Path}/refused", () => Page.Of<DeviceDoneView>(new { Allowed = false })).WithName("DeviceRefusedPage");
    }

    private static IResult Show(HttpContext http) =>
        BrowserSession.Of(http) is null ? Page.GoTo(ReturnAddress.OfSignIn(Path)) : Page.Of<DeviceCodeView>();

    private static async Task<IResult> FindAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, IOptions<IdentityOptions> options, TimeProvider clock,
        CancellationToken ct)
    {
        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn(Path));
        }

        var code = Letters((await http.Request.ReadFormAsync(ct))["user_code"]);
        var now = clock.GetUtcNow();
        var tries = SignInTries.OfUserCodes(me.Id, origin.SourceNetwork, options.Value);
        if (await tries.TakeAsync(db, now, ct) is not null)
        {
            return TooMany(options.Value);
        }

        var device = await db.QuerySingleOrDefaultAsync<Waiting>(
            """
            select c.name as client_name, g.hostname, g.source_address, g.asked_org, g.scopes
            from oauth_tokens t
            join oauth_grants g on g.id = t.grant_id and g.subject_id is null and g.status = 'valid'
            join oauth_clients c on c.id = g.client_id
            where t.reference_sha256 = @Sha256 and t.type = @UserCode and t.status = 'valid' and t.expires_at > @now
            """, new { Sha256 = Sha256(code), OpenIddictConstants.TokenTypeIdentifiers.Private.UserCode, now }, ct);
        if (device is null)
        {
            return Wrong();
        }

        await using (var tx = await db.BeginAsync(ct))
        {
            await tries.GiveBackAsync(tx);
            await tx.CommitAsync();
        }

        var organizations = await Choice.ListAsync(db, me.SubjectId, ct);
        return Page.Of<DeviceView>(new
        {
            Code = $"{code[..4]}-{code[4..]}",
            device.ClientName,
            device.Hostname,
            device.SourceAddress,
            BrowserAddress = origin.SourceAddress,
            Organizations = organizations,
            Asked = organizations.Find(one => one.Slug == device.AskedOrg)?.Id,
            device.Scopes,
        });
    }

    private static async Task<IResult> DecideAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, OAuthTx transaction, MailSender mail,
        IOptions<IdentityOptions> options, TimeProvider clock, CancellationToken ct)
    {
        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn(Path));
        }

        var form = await http.Request.ReadFormAsync(ct);
        var tries = SignInTries.OfUserCodes(me.Id, origin.SourceNetwork, options.Value);
        if (await tries.TakeAsync(db, clock.GetUtcNow(), ct) is not null)
        {
            return TooMany(options.Value);
        }

        if (await OAuthServer.HandleAsync(http))
        {
            return Results.Empty;
        }

        PageRules.SetHeaders(http.Response);
        var code = OAuthServer.ErrorOf(http) is null ? (await http.AuthenticateAsync(OAuthServer.Scheme)).Principal : null;
        if (!Guid.TryParse(code?.GetAuthorizationId(), out var id))
        {
            return Wrong();
        }

        await tries.GiveBackAsync(await transaction.GetAsync());
        await transaction.CommitAsync();
        if (form["decision"] != "allow")
        {
            return OAuthServer.Refuse(OpenIddictConstants.Errors.AccessDenied, "The person did not let the device in.", $"{Path}/refused");
        }

        var tx = await transaction.GetAsync();
        if (!await me.LockAsync(tx))
        {
            return Page.GoTo(ReturnAddress.OfSignIn(Path));
        }

        var organizations = await Choice.ListAsync(tx, me.SubjectId);
        var chosen = form["chosen_organization"].ToString();
        var organization = organizations.Find(one => one.Id.ToString() == chosen);
        if (organization is null && chosen != Choice.All)
        {
            return Page.Error(StatusCodes.Status400BadRequest, "You are not in that organization any more", "Begin again.", Path);
        }

        if ((organization is null ? organizations : [organization]).Find(one => !one.DeviceSignInAllowed) is { } closed)
        {
            return Page.Error(
                StatusCodes.Status403Forbidden, "That organization allows no codes",
                $"{closed.Name} lets nobody sign in with a code from another device. "
                + (organization is null ? "Choose another organization." : "Sign in on the device itself."), Path);
        }

        var approved = await tx.QuerySingleOrDefaultAsync<Device>(
            """
            update oauth_grants g set subject_id = @SubjectId, org_id = @OrgId
            from oauth_clients c
            where g.id = @id and g.subject_id is null and g.status = 'valid' and c.id = g.client_id
            returning c.name as client_name, g.hostname, g.source_address
            """, new { id, me.SubjectId, OrgId = organization?.Id });
        if (approved is null)
        {
            return Wrong();
        }

        await NoteDeviceAsync(tx, me, id, approved, mail, clock.GetUtcNow());
        return Results.SignIn(
            OAuthServer.Principal(me.SubjectId, code!.GetScopes()), new AuthenticationProperties { RedirectUri = $"{Path}/done" },
            OAuthServer.Scheme);
    }

    private static async Task NoteDeviceAsync(Tx tx, BrowserSession me, Guid grant, Device device, MailSender mail, DateTimeOffset now)
    {
        var network = new RequestOrigin("", device.SourceAddress, null).SourceNetwork;
        if (await KnownDevices.NoteAsync(tx, me.SubjectId, $"device {device.ClientName} {device.Hostname} {network}", now))
        {
            await tx.ExecuteAsync("update oauth_grants set new_device = true where id = @grant", new { grant });
            await KnownDevices.TellAsync(
                tx, mail, me.Email, $"{device.ClientName} on {device.Hostname ?? "a machine that does not say its name"}, by a code",
                device.SourceAddress, now);
        }
    }

    /// <summary>The code as it is stored, however it was typed.</summary>
    private static string Letters(string? typed) => string.Concat((typed ?? "").Where(char.IsAsciiLetter)).ToUpperInvariant();

    private static string Sha256(string code) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(code)));

    private static RazorComponentResult<DeviceCodeView> Wrong() => Page.Of<DeviceCodeView>(
        new { Message = "That code is wrong, or it has expired. The device shows it, and a new one when you begin again there." },
        StatusCodes.Status400BadRequest);

    private static RazorComponentResult<ErrorView> TooMany(IdentityOptions options) => Page.Error(
        StatusCodes.Status429TooManyRequests, "Too many wrong codes",
        $"No code is taken from this browser for up to {options.FailedSignInMinutes} minutes.", Path);

    private sealed record Device(string ClientName, string? Hostname, string? SourceAddress);

    private sealed record Waiting(string ClientName, string? Hostname, string? SourceAddress, string? AskedOrg, string[] Scopes);
}
