using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Masking;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest.Machines;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Prefixes;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>An agent logs the packages of an environment. A log without changes costs one look-up and writes nothing.</summary>
internal static partial class LogEnvironment
{
    /// <summary>Bytes of the unpacked body.</summary>
    public const int MaxBodyBytes = 16 * 1024 * 1024;

    /// <param name="Prefix">
    /// The environment's folder, symbolic links resolved; together with the machine it identifies the environment. Other spellings of it
    /// are the same folder: see <see cref="PrefixIdentity"/>.
    /// </param>
    /// <param name="PreviousPrefix">Another folder under which it was logged before: it was renamed, or a link led to it.</param>
    /// <param name="Command">What changed the environment.</param>
    /// <param name="Digest">Of the packages: see <see cref="PackageSetDigest"/>.</param>
    /// <param name="Packages">All of them; when left out, the digest alone decides whether they have to be sent.</param>
    /// <param name="Incomplete">What could not be read in full: empty when everything was, left out when that is not known.</param>
    public sealed record Request(
        [Required] MachineId? MachineId,
        [Required, MaxLength(1_024), StorablePath] string? Prefix,
        [Required, MaxLength(255)] string? Name,
        [Required, RegularExpression("^[a-z0-9_]{1,20}(-[a-z0-9_]{1,20})?$")] string? Platform,
        [Required, RegularExpression("^sha256:[0-9a-f]{64}$")] string? Digest,
        [MaxLength(1_024), StorablePath] string? PreviousPrefix = null,
        [MaxLength(16_384), MultiLine] string? Command = null,
        IReadOnlyList<PackageEntry?>? Packages = null,
        IReadOnlyList<IncompleteEntry?>? Incomplete = null);

    /// <param name="Changed">The log changed something.</param>
    /// <param name="Vulnerabilities">Null while the scan is pending.</param>
    /// <param name="Scan">done or pending.</param>
    /// <param name="IncompleteCount">How much the agent could not read in full; null when that is not known.</param>
    public sealed record Response(
        EnvironmentId EnvironmentId, bool Created, bool Changed, string Digest, EnvironmentStatus Status, string? Message, int Packages,
        VulnerabilityCounts? Vulnerabilities, string Scan, int? IncompleteCount);

    public static void MapLogEnvironment(this IEndpointRouteBuilder organization) =>
        organization.MapPost("/environment-logs", HandleAsync).RequireAuthorization(Permission.EnvironmentsLog)
            .WithName(nameof(LogEnvironment)).WithSummary("Log an environment")
            .WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes))
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Results<Ok<Response>, Created<Response>, ProblemHttpResult>> HandleAsync(
        string org, Request request, Caller caller, NpgsqlDataSource db, KnownPackages known, Quota quota, UnknownMachine unknown,
        TimeProvider clock, IOptions<IngestOptions> options, HttpResponse http, CancellationToken ct)
    {
        if (!caller.Organization!.EnvironmentsEnabled)
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, "environments_disabled", "Environments are not managed here.",
                $"The organization {caller.Organization.Slug} has environment management switched off: it takes no logs.");
        }

        if (Product.Refuse(caller, Product.Environments) is { } seatless)
        {
            return seatless;
        }

        if (!caller.IsGoodFor(request.MachineId!.Value))
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, "other_machine", "Not allowed.", "The token is bound to another machine.");
        }

        var packages = ReadPackages(request, out var incomplete, out var refusal);
        if (refusal is not null)
        {
            return refusal;
        }

        var log = new Log(
            caller.OrgId, request.MachineId.Value, request.Prefix!, request.PreviousPrefix, request.Name!,
            request.Platform!, request.Digest!, request.Command is null ? null : Secrets.Masked(request.Command), packages?.Packages,
            incomplete);
        var state = await FindAsync(db, log, ct);
        if (state is null)
        {
            if (await unknown.LearnAsync(log.OrgId, log.MachineId, ct) is { } problem)
            {
                return problem;
            }

            state = await FindAsync(db, log, ct);
        }

        if (state?.MachineOwnerId != caller.SubjectId)
        {
            return UnknownMachine.NotRegistered();
        }

        var now = clock.GetUtcNow();
        if (state.Says(log))
        {
            await NoteSeenAsync(db, log, state, now, options.Value.SeenMinutes, ct);
            return TypedResults.Ok(state.Answer(created: false, changed: false));
        }

        var (ids, exceeded) = await IdentifyAsync(db, known, quota, log, http, ct);
        if (exceeded is not null)
        {
            return exceeded;
        }

        if (await StoreAsync(db, known, ids, caller, log, now, ct) is not { } outcome)
        {
            return Problems.Conflict("packages_required", "This organization has not logged that package set before: send the packages.");
        }

        state = await FindAsync(db, log, ct);
        if (state?.EnvironmentId is null)
        {
            return Problems.Conflict(
                "environment_removed", "The environment was removed at the same moment. Log it again if it is still there.");
        }

        var answer = state.Answer(outcome.Created, outcome.Changed);
        return outcome.Created
            ? TypedResults.Created($"/api/v1/orgs/{Uri.EscapeDataString(org)}/environments/{answer.EnvironmentId}", answer)
            : TypedResults.Ok(answer);
    }

    /// <summary>Null when the log has none, or when they are rejected.</summary>
    private static PackageList? ReadPackages(
        Request request, out IReadOnlyList<IncompleteEntry>? incomplete, out ProblemHttpResult? refusal)
    {
        var errors = new Dictionary<string, string[]>(StringComparer.Ordinal);
        incomplete = Incompleteness.Read(request.Incomplete, errors);
        var packages = request.Packages is null ? null : PackageList.Read(request.Packages, errors);
        if (packages is not null && packages.Digest != request.Digest)
        {
            errors["digest"] = ["Is not the digest of the packages."];
        }

        refusal = errors.Count > 0 ? Problems.Invalid(errors) : null;
        return packages;
    }

    /// <summary>The ids of the log's packages, those added that are new; null when it has none, or adds more than may be added.</summary>
    private static async Task<(Dictionary<PackageKey, int>? Ids, ProblemHttpResult? Exceeded)> IdentifyAsync(
        NpgsqlDataSource db, KnownPackages known, Quota quota, Log log, HttpResponse http, CancellationToken ct)
    {
        if (log.Packages is null)
        {
            return (null, null);
        }

        var (found, missing) = await known.FindAsync(db, log.Packages, ct);
        var isNew = missing.Count > 0 || !await db.QuerySingleAsync<bool>(
            "select exists (select from package_sets where digest = @Digest)", new { log.Digest }, ct);
        if (isNew && await quota.TakeAsync(log.OrgId, missing.Count, log.Packages.Count, http, ct) is { } exceeded)
        {
            return (null, exceeded);
        }

        if (missing.Count > 0)
        {
            await known.AddAsync(db, missing, found, ct);
        }

        return (found, null);
    }

    /// <summary>The machine, and the environment of the log if there is one; null when the machine is unknown here.</summary>
    private static Task<State?> FindAsync(NpgsqlDataSource db, Log log, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<State>(
            $"""
            select m.owner_id as machine_owner_id, e.environment_id, e.prefix, e.name, e.platform, s.digest, e.status,
                e.status_message, e.package_count,
                jsonb_array_length(e.incomplete) as incomplete_count,
                e.incomplete is not distinct from @Incomplete::jsonb as is_as_incomplete, c.scanned_at,
                {CountColumns.ValueOf("c")} as vulnerabilities, e.seen_at
            from machines m
            left join environments e on e.org_id = m.org_id and e.environment_id = coalesce(
                (select environment_id from environments
                    where org_id = @OrgId and machine_id = @MachineId and place = @Place and removed_at is null),
                (select environment_id from environments
                    where org_id = @OrgId and machine_id = @MachineId and prefix = @Prefix and removed_at is null))
            left join package_sets s on s.package_set_id = e.package_set_id
            left join organization_package_sets c on c.org_id = e.org_id and c.package_set_id = e.package_set_id
            where m.org_id = @OrgId and m.machine_id = @MachineId and m.removed_at is null
            """, new { log.OrgId, log.MachineId, log.Prefix, log.Place, Incomplete = log.IncompleteJson }, ct);

    /// <summary>Updates the last-seen time of an unchanged environment now and then, not with every log.</summary>
    private static async Task NoteSeenAsync(
        NpgsqlDataSource db, Log log, State state, DateTimeOffset now, int minutes, CancellationToken ct)
    {
        if (now - state.SeenAt < TimeSpan.FromMinutes(minutes))
        {
            return;
        }

        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            "update environments set seen_at = @now where org_id = @OrgId and environment_id = @EnvironmentId and seen_at < @now",
            new { log.OrgId, state.EnvironmentId, now });
        await tx.CommitAsync();
    }

    /// <summary>A log that passed the checks.</summary>
    private sealed record Log(
        OrganizationId OrgId, MachineId MachineId, string Prefix, string? PreviousPrefix, string Name, string Platform, string Digest,
        string? Command, IReadOnlyList<ListedPackage>? Packages, IReadOnlyList<IncompleteEntry>? Incomplete)
    {
        /// <summary>Of the prefix: see <see cref="PrefixIdentity"/>.</summary>
        public Guid Place { get; } = PrefixIdentity.Of(Prefix, Platform);

        /// <summary>Whether the name, as the folder's spelling gives it, is the one that the environment has.</summary>
        public bool IsNamed(string prefix, string name) => Name == name
            || (Prefix != prefix && PrefixIdentity.Folds(prefix, Platform)
                && PrefixIdentity.FoldedName(Name) == PrefixIdentity.FoldedName(name));

        public string? IncompleteJson { get; } = Incompleteness.ToJson(Incomplete);

        /// <summary>For the audit log: the first entries.</summary>
        public object? IncompleteForAudit() =>
            Incomplete is null ? null : new { Incomplete.Count, First = Incomplete.Take(Incompleteness.Shown) };

        public string IncompleteText() => Incomplete is { Count: > 0 } entries
            ? $" It is incomplete: {entries.Count} could not be read in full."
            : "";
    }

    private sealed record State(
        SubjectId MachineOwnerId, EnvironmentId? EnvironmentId, string? Prefix, string? Name, string? Platform, string? Digest,
        string? Status, string? StatusMessage, int? PackageCount, int? IncompleteCount, bool IsAsIncomplete, DateTimeOffset? ScannedAt,
        VulnerabilityCounts? Vulnerabilities, DateTimeOffset? SeenAt)
    {
        public bool Says(Log log) => EnvironmentId is not null && Digest == log.Digest && log.IsNamed(Prefix!, Name!)
            && Platform == log.Platform && IsAsIncomplete;

        public Response Answer(bool created, bool changed) => new(
            EnvironmentId!.Value, created, changed, Digest!, Enum.Parse<EnvironmentStatus>(Status!, ignoreCase: true),
            StatusMessage, PackageCount!.Value, ScannedAt is null ? null : Vulnerabilities,
            ScannedAt is null ? "pending" : "done", IncompleteCount);
    }
}
