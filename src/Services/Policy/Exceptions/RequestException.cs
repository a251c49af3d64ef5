using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;

using EnvPlatform.Conda;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Documents;
using EnvPlatform.Policy.Statuses;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>
/// Somebody asks that policies leave something out for a time: whoever logs environments for its own ones, whoever writes policies for
/// anything. Asking the same again while one waits answers the one that waits.
/// </summary>
internal static partial class RequestException
{
    public const int LongestReason = 1_000;

    /// <summary>How many requests of one person may wait in an organization.</summary>
    public const int MostWaiting = 50;

    private const int LongestPackage = 300;

    /// <param name="ScopeType">environment, group or organization.</param>
    /// <param name="ScopeId">The id of the environment or of the group; for the organization its id, its slug, or nothing.</param>
    /// <param name="Vulnerability">Any of its ids. Of this, a package and a policy at least one; all that there are must fit.</param>
    /// <param name="Package">A match specification of conda without brackets.</param>
    /// <param name="Policy">The id or the name of a policy.</param>
    /// <param name="Reason">Why; one line.</param>
    /// <param name="Until">When it is to end.</param>
    public sealed record Request(
        [Required] ExceptionScope? ScopeType, [StringLength(100, MinimumLength = 1)] string? ScopeId,
        [StringLength(100, MinimumLength = 1)] string? Vulnerability, [StringLength(LongestPackage, MinimumLength = 1)] string? Package,
        [StringLength(PolicyParser.LongestName, MinimumLength = 1)] string? Policy,
        [Required, StringLength(LongestReason, MinimumLength = 1)] string? Reason, [Required] DateTimeOffset? Until);

    public static void MapRequestException(this IEndpointRouteBuilder exceptions) =>
        exceptions.MapPost("", HandleAsync).RequireAuthorization(Permission.EnvironmentsLog).WithName(nameof(RequestException))
            .WithSummary("Ask that policies leave something out for a time; of one's own environments, or with policies:write of anything.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    /// <summary>Why an exception may not end then; null where it may.</summary>
    public static ProblemHttpResult? RefuseEnd(string field, DateTimeOffset end, DateTimeOffset now, PolicyOptions options) =>
        end <= now ? Problems.Invalid(field, "Must be in the future.")
        : end > now.AddDays(options.ExceptionDays) ? Problems.Invalid(field, $"Must be within {options.ExceptionDays} days.")
        : null;

    private static async Task<Results<Created<ExceptionView>, Ok<ExceptionView>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, [FromServices] KnownEnvironments environments, NpgsqlDataSource db, TimeProvider clock,
        IOptions<PolicyOptions> options, CancellationToken ct)
    {
        var now = ExceptionRow.Storable(clock.GetUtcNow());
        if (Refuse(request) is { } invalid)
        {
            return invalid;
        }

        if (RefuseEnd("until", request.Until!.Value, now, options.Value) is { } end)
        {
            return end;
        }

        var (scope, missing) = await ScopeAsync(request, caller, environments, db, ct);
        if (missing is not null)
        {
            return missing;
        }

        var policy = request.Policy is { } named ? await PolicyAsync(db, caller.OrgId, named, ct) : null;
        if (request.Policy is not null && policy is null)
        {
            return Problems.Invalid("policy", "There is no policy of this id or name.");
        }

        var row = new ExceptionRow(
            ExceptionId.New(now), NameOf(request.ScopeType!.Value), scope!.Id, scope.Name, request.Vulnerability, request.Package?.Trim(),
            policy?.PolicyId, policy?.Name, ExceptionRow.Requested, request.Reason!.Trim(), caller.SubjectId, caller.Email, now,
            ExceptionRow.Storable(request.Until.Value), null, null, null, null, null, null, null, null, null, 1);
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            "select pg_advisory_xact_lock(hashtextextended('exceptions:' || @OrgId::text || ':' || @SubjectId::text, 0))",
            new { caller.OrgId, caller.SubjectId });
        if (await WaitingAsync(tx, caller.OrgId, row, now) is { } waiting)
        {
            return TypedResults.Ok(waiting.ToView());
        }

        if (await CountAsync(tx, caller) >= MostWaiting)
        {
            return Problems.Conflict(
                "too_many_requested",
                $"{MostWaiting} requests of yours wait for an answer: withdraw those that you need no more, or ask who answers them.");
        }

        await InsertAsync(tx, caller.OrgId, row);
        row.Audit(tx, caller, now, null);
        await tx.CommitAsync();
        return TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/exceptions/{row.ExceptionId}", row.ToView());
    }

    private static ProblemHttpResult? Refuse(Request request) => request switch
    {
        { Vulnerability: null, Package: null, Policy: null } =>
            Problems.Invalid("vulnerability", "Of vulnerability, package and policy at least one must be there."),
        { Vulnerability: { } id } when !VulnerabilityForm().IsMatch(id) =>
            Problems.Invalid("vulnerability", "Must be the id of a vulnerability: CVE-2021-44228."),
        { Package: { } text } when !PackageForm().IsMatch(text.Trim()) || MatchSpec.ParsePattern(text.Trim()) is null => Problems.Invalid(
            "package", "Must be a match specification of conda without brackets: \"openssl <3.0\", \"log4j*\"."),
        { ScopeType: not ExceptionScope.Organization, ScopeId: var scope } when !Guid.TryParse(scope, out _) =>
            Problems.Invalid("scope_id", "Must be the id of the environment or of the group."),
        _ => null,
    };

    private static async Task<(Scope? Scope, ProblemHttpResult? Missing)> ScopeAsync(
        Request request, Caller caller, KnownEnvironments environments, NpgsqlDataSource db, CancellationToken ct)
    {
        var mayAll = caller.Can(Permission.PoliciesWrite);
        if (request.ScopeType is ExceptionScope.Environment)
        {
            var environment = new EnvironmentId(Guid.Parse(request.ScopeId!));
            return await environments.FindAsync(caller.OrgId, environment, ct) switch
            {
                Lookup.Found { Row: var row } when !mayAll && row.Owner != caller.SubjectId =>
                    (null, Problems.NotFound("No environment of yours has this id.")),
                Lookup.Found { Row.MachineId: { } machine } when !caller.IsGoodFor(machine) => (null, Problems.Of(
                    StatusCodes.Status403Forbidden, "other_machine", "Not allowed.", "The token is bound to another machine.")),
                Lookup.Found { Row: var row } => (new Scope(environment.Value, row.Name), null),
                Lookup.Unanswered => (null, StatusEndpoints.Unanswered()),
                _ => (null, Problems.NotFound("There is no environment of this id.")),
            };
        }

        if (!mayAll || caller.MachineId is not null)
        {
            return (null, Problems.Of(
                StatusCodes.Status403Forbidden, "forbidden", "Not allowed.",
                "You may ask for exceptions of your own environments; those of groups and of the organization need policies:write."));
        }

        if (request.ScopeType is ExceptionScope.Group)
        {
            var group = Guid.Parse(request.ScopeId!);
            var name = await db.QuerySingleOrDefaultAsync<string>(
                "select name from groups where org_id = @OrgId and group_id = @group and not deleted", new { caller.OrgId, group }, ct);
            return name is null ? (null, Problems.NotFound("There is no group of this id.")) : (new Scope(group, name), null);
        }

        var isThisOne = request.ScopeId is not { } id || id == caller.Organization!.Slug
            || (Guid.TryParse(id, out var organization) && organization == caller.OrgId.Value);
        return isThisOne
            ? (new Scope(caller.OrgId.Value, null), null)
            : (null, Problems.Invalid("scope_id", "Must be the id or the slug of this organization, or be left out."));
    }

    private static Task<PolicyRow?> PolicyAsync(NpgsqlDataSource db, OrganizationId organization, string named, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<PolicyRow>(
            """
            select policy_id, name from policies
            where org_id = @organization and deleted_at is null and (policy_id = @Id or name = @named)
            order by policy_id = @Id desc nulls last limit 1
            """, new { organization, named, Id = Guid.TryParse(named, out var id) ? id : (Guid?)null }, ct);

    private static Task<ExceptionRow?> WaitingAsync(Tx tx, OrganizationId organization, ExceptionRow row, DateTimeOffset now) =>
        tx.QuerySingleOrDefaultAsync<ExceptionRow>(
            $"""
            {ExceptionRow.Select}
            where x.org_id = @organization and x.requested_by = @RequestedBy and x.state = 'requested' and x.requested_until > @now
                and x.scope_type = @ScopeType and x.scope_id = @ScopeId and x.package is not distinct from @Package::text
                and lower(x.vulnerability_id) is not distinct from lower(@VulnerabilityId::text)
                and x.policy_id is not distinct from @PolicyId::uuid
            order by x.exception_id limit 1
            """,
            new
            {
                organization,
                now,
                row.RequestedBy,
                row.ScopeType,
                row.ScopeId,
                row.Package,
                row.VulnerabilityId,
                row.PolicyId,
            });

    private static Task<long> CountAsync(Tx tx, Caller caller) => tx.QuerySingleAsync<long>(
        "select count(*) from exceptions where org_id = @OrgId and requested_by = @SubjectId and state = 'requested'",
        new { caller.OrgId, caller.SubjectId });

    private static Task<int> InsertAsync(Tx tx, OrganizationId organization, ExceptionRow row) => tx.ExecuteAsync(
        """
        insert into exceptions (org_id, exception_id, scope_type, scope_id, vulnerability_id, package, policy_id, state, reason,
            requested_by, requested_by_email, requested_at, requested_until)
        values (@organization, @ExceptionId, @ScopeType, @ScopeId, @VulnerabilityId, @Package, @PolicyId, @State, @Reason, @RequestedBy,
            @RequestedByEmail, @RequestedAt, @RequestedUntil)
        """,
        new
        {
            organization,
            row.ExceptionId,
            row.ScopeType,
            row.ScopeId,
            row.VulnerabilityId,
            row.Package,
            row.PolicyId,
            row.State,
            row.Reason,
            row.RequestedBy,
            row.RequestedByEmail,
            row.RequestedAt,
            row.RequestedUntil,
        });

    private static string NameOf(ExceptionScope scope) => scope switch
    {
        ExceptionScope.Environment => ExceptionRow.OfEnvironment,
        ExceptionScope.Group => ExceptionRow.OfGroup,
        _ => ExceptionRow.OfOrganization,
    };

    [GeneratedRegex(Forms.Vulnerability, RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex VulnerabilityForm();

    [GeneratedRegex(Forms.MatchSpec, RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex PackageForm();

    private sealed record Scope(Guid Id, string? Name);

    private sealed record PolicyRow(Guid PolicyId, string Name);
}

/// <summary>Where an exception holds: in an environment, in those of a group's people, everywhere.</summary>
public enum ExceptionScope
{
    Environment,
    Group,
    Organization,
}
