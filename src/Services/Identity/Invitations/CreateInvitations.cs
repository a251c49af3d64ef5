using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Members;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Identity.Products;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// An administrator invites up to 200 people by their addresses, or makes a link that several people may follow. What cannot be invited
/// does not keep the others from it: each has its result. A link leads to membership only, and is shown once whether mail is sent or not.
/// </summary>
internal static class CreateInvitations
{
    private const int MostAtOnce = 200;
    private const int MostDays = 30;

    /// <param name="Emails">1 to 200 addresses; or <paramref name="Link"/>.</param>
    /// <param name="ExpiresAt">30 days from now at most; null: as the organization's settings say.</param>
    /// <param name="GroupIds">Whoever accepts is put into these groups.</param>
    /// <param name="Products">Whoever accepts gets a seat of each; the seats are promised from now on.</param>
    /// <param name="Message">In the mail, as plain text.</param>
    public sealed record Request(
        [Required, Role]
        string Role,
        [MinLength(1), MaxLength(MostAtOnce)] string[]? Emails = null,
        LinkTerms? Link = null,
        DateTimeOffset? ExpiresAt = null,
        [MaxLength(100)] GroupId[]? GroupIds = null,
        [MaxLength(10)] string[]? Products = null,
        [MaxLength(1_000), MultiLine] string? Message = null);

    /// <param name="MaxUses">How many people may follow the link.</param>
    /// <param name="EmailDomain">Of their addresses; null: any.</param>
    public sealed record LinkTerms(
        [Range(1, 500)] int MaxUses,
        [RegularExpression("^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$",
            ErrorMessage = "Must be a domain name."), MaxLength(253)]
        string? EmailDomain = null);

    public sealed record Response(IReadOnlyList<Result> Results);

    /// <param name="Email">As it was given, in lower case; null for the link.</param>
    /// <param name="Status">201, or what the invitation of this address alone would have been refused with.</param>
    /// <param name="Code">Why not; null for success.</param>
    /// <param name="Id">Of the invitation, or of the open one that the address has.</param>
    /// <param name="Token">Shown once; null when it goes by mail.</param>
    /// <param name="Link">The page on which to use the token; shown once.</param>
    public sealed record Result(
        string? Email, int Status, string? Code, InvitationId? Id, DateTimeOffset? ExpiresAt, string? Token, string? Link);

    internal static void MapCreateInvitations(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("", HandleAsync).RequireAuthorization(Access.Person).WithName(nameof(CreateInvitations))
            .WithSummary("Invite people by their addresses, or make a link that several may follow.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);

    /// <summary>Invites an address, unless that is refused.</summary>
    internal static async Task<Result> InviteAsync(
        Tx tx, Caller caller, NewInvitation invitation, OrganizationSettings settings, bool byMail, DateTimeOffset now,
        IReadOnlyDictionary<string, string>? states = null)
    {
        var email = invitation.Email!;
        states ??= await NewInvitation.StatesAsync(tx, caller.OrgId, [email]);
        var code = !NewInvitation.Allows(settings, NewInvitation.DomainOf(email)) ? "email_domain_not_allowed"
            : states.GetValueOrDefault(email) switch
            {
                Member.Active => "member_exists",
                Member.Suspended => "member_suspended",
                _ => null,
            };
        if (code is not null)
        {
            return Refused(email, code, null);
        }

        if (await invitation.AddAsync(tx, caller, caller.OrgId, caller.SubjectId, byMail, now) is { } added)
        {
            return new(email, StatusCodes.Status201Created, null, added.Id, invitation.ExpiresAt, added.Token, null);
        }

        return Refused(email, "invitation_exists", await tx.QuerySingleOrDefaultAsync<InvitationId?>(
            "select id from invitations where org_id = @OrgId and email = @email and ended_at is null", new { caller.OrgId, email }));
    }

    /// <summary>The answer when the only address is refused.</summary>
    internal static ProblemHttpResult Refusal(string code, InvitationId? id = null) => code switch
    {
        "invalid_email" => Problems.Invalid("emails", "Must be e-mail addresses."),
        "member_exists" => Problems.Conflict("member_exists", "The user is in the organization already."),
        "member_suspended" => Problems.Conflict("member_suspended", "The user is in the organization and suspended. Resume it."),
        "email_domain_not_allowed" => Problems.Conflict(
            "email_domain_not_allowed", "The organization's settings let nobody of this domain be invited."),
        _ => Problems.Conflict(
            "invitation_exists",
            $"The address has been invited already{(id is null ? "" : $", as {id}")}. Resend that invitation, or withdraw it."),
    };

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, MailSender mail, InvitationLinks links, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (request.Role == Roles.Administrator && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
        {
            return older;
        }

        await using var tx = await db.BeginAsync(ct);
        var settings = await OrganizationSettings.FindAsync(tx, caller.OrgId);
        if (Refuse(request, settings, now) is { } invalid)
        {
            return invalid;
        }

        if (await RefuseGroupsAsync(tx, caller.OrgId, request) is { } unknown)
        {
            return unknown;
        }

        if (await NewInvitation.CountAsync(tx, caller.OrgId, request.Emails?.Length ?? 1, http, now) is { } tooMany)
        {
            return tooMany;
        }

        var expiresAt = request.ExpiresAt ?? now.AddDays(settings.InvitationDays);
        List<Result> results = request.Link is { } link
            ? [await MakeLinkAsync(tx, caller, request, link, expiresAt, now)]
            : await InviteAllAsync(tx, caller, request, settings, expiresAt, mail.IsOn, now);
        if (results is [{ Code: { } code } only])
        {
            return Refusal(code, only.Id);
        }

        foreach (var made in results.Where(one => one.Code is null))
        {
            if (await Seats.ReserveAsync(tx, caller.OrgId, made.Id!.Value, request.Products ?? [], request.Link?.MaxUses ?? 1) is { } full)
            {
                return full;
            }
        }

        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(
            [.. results.Select(one => one with { Link = one.Token is { } token ? links.Of(token) : null })]));
    }

    private static async Task<ProblemHttpResult?> RefuseGroupsAsync(Tx tx, OrganizationId organization, Request request)
    {
        if (request.Products?.All(Product.All.Contains) == false)
        {
            return Problems.Invalid("products", $"Must be among {string.Join(", ", Product.All)}.");
        }

        var groups = (request.GroupIds ?? []).Select(group => group.Value).Distinct().ToArray();
        var known = groups.Length == 0 ? 0 : await tx.QuerySingleAsync<long>(
            "select count(*) from user_groups where org_id = @organization and id = any(@groups) and source = 'manual'",
            new { organization, groups });
        return known == groups.Length ? null
            : Problems.Invalid("group_ids", "Must be groups of the organization that are kept here, not in a directory.");
    }

    private static ProblemHttpResult? Refuse(Request request, OrganizationSettings settings, DateTimeOffset now)
    {
        if ((request.Emails is null) == (request.Link is null))
        {
            return Problems.Invalid("emails", "Give either emails or link.");
        }

        if (request.Link is { } link)
        {
            if (request.Role != Roles.Member)
            {
                return Problems.Invalid("role", "A link leads to the role member only.");
            }

            if (!NewInvitation.Allows(settings, link.EmailDomain?.ToLowerInvariant()))
            {
                return Problems.Invalid("link.email_domain", "Must be one that the organization's settings allow.");
            }
        }

        return request.ExpiresAt is { } end && (end <= now || end > now.AddDays(MostDays))
            ? Problems.Invalid("expires_at", $"Must be within {MostDays} days from now.")
            : null;
    }

    private static async Task<Result> MakeLinkAsync(
        Tx tx, Caller caller, Request request, LinkTerms link, DateTimeOffset expiresAt, DateTimeOffset now)
    {
        var invitation = new NewInvitation(
            null, "", Roles.Member, expiresAt, request.Message, link.MaxUses, link.EmailDomain?.ToLowerInvariant(),
            request.GroupIds, request.Products);
        var added = (await invitation.AddAsync(tx, caller, caller.OrgId, caller.SubjectId, byMail: false, now))!.Value;
        return new(null, StatusCodes.Status201Created, null, added.Id, expiresAt, added.Token, null);
    }

    private static async Task<List<Result>> InviteAllAsync(
        Tx tx, Caller caller, Request request, OrganizationSettings settings, DateTimeOffset expiresAt, bool byMail, DateTimeOffset now)
    {
        await Invitation.ExpireAsync(tx, now, caller.OrgId);
        var addresses = request.Emails!.Select(text => (Text: text, Email: NewInvitation.AddressOf(text))).ToArray();
        var states = await NewInvitation.StatesAsync(
            tx, caller.OrgId, [.. addresses.Select(one => one.Email).OfType<string>()]);
        var results = new List<Result>();
        foreach (var (text, email) in addresses)
        {
            results.Add(email is null
                ? Refused(text, "invalid_email", null)
                : await InviteAsync(
                    tx, caller,
                    new(email, NewInvitation.NameOf(email), request.Role, expiresAt, request.Message, null, null, request.GroupIds,
                        request.Products),
                    settings, byMail, now, states));
        }

        return results;
    }

    private static Result Refused(string email, string code, InvitationId? id) => new(
        email, code == "invalid_email" ? StatusCodes.Status400BadRequest : StatusCodes.Status409Conflict, code, id, null, null, null);
}
