using System.Text.Json;

using EnvPlatform.Conda;
using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Documents;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Npgsql;

namespace EnvPlatform.Policy.Decisions.Fleet;

/// <summary>Which environments of an organization are read.</summary>
/// <param name="All">All; what else it says does not matter then.</param>
internal sealed record FleetScope(bool All, Guid[] Environments, long[] Sets, Guid[] Owners)
{
    public static FleetScope Everything { get; } = new(true, [], [], []);

    public static FleetScope Of(EnvironmentId environment) => new(false, [environment.Value], [], []);
}

/// <summary>Reads what decisions depend on from the tables.</summary>
internal static class FleetReader
{
    /// <summary>How long a new set may wait for its scan before it counts as not scanned.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private const string EnvironmentColumns =
        """
        select s.environment_id, s.owner, s.machine_id, s.name, s.platform, s.package_set_id, s.set_since, s.logged_at, s.placed_at,
            case when s.set_by is not null then s.status end as manual,
            d.status, d.message, d.policy_id, d.rule, d.deadline, d.next_at, d.package_set_id as decided_set_id,
            d.set_since as decided_set_since, d.clocks, d.holds
        from environment_status s left join environment_decisions d using (org_id, environment_id)
        where s.org_id = @Org and not s.removed and s.machine_id is not null
        """;

    /// <param name="policies">Those that are to be decided by; null for those that are stored and enabled.</param>
    public static async Task<FleetFacts> ReadAsync(
        NpgsqlDataSource db, OrganizationId organization, FleetScope scope, IReadOnlyList<FleetPolicy>? policies, DateTimeOffset now,
        CancellationToken ct)
    {
        var byId = scope.All ? null : Parameters(organization, scope);
        var readingPolicies = policies is null ? PoliciesAsync(db, organization, ct) : Task.FromResult(policies);
        var readingExceptions = ExceptionsAsync(db, organization, ct);
        var rows = await db.QueryAsync<EnvironmentRow>(
            scope.All ? EnvironmentColumns
                : $"""
                {EnvironmentColumns} and s.environment_id = any(@Environments)
                union
                {EnvironmentColumns} and s.package_set_id = any(@Sets)
                union
                {EnvironmentColumns} and s.owner = any(@Owners)
                """,
            byId ?? new { Org = organization }, ct);
        var owners = OwnersAsync(db, organization, scope.All ? null : Distinct(rows.Select(row => row.Owner)), ct);
        var machines = MachinesAsync(db, organization, scope.All ? null : Distinct(rows.Select(row => row.MachineId)), ct);
        var sets = await SetsAsync(
            db, organization, [.. rows.SelectMany(row => new[] { row.PackageSetId, row.DecidedSetId }).OfType<long>().Distinct()], ct);
        var channels = await ChannelsAsync(db, organization, sets.Values, ct);
        var decisive = await readingPolicies;
        return new(
            Environments(rows, sets, await owners, await machines, decisive, now), decisive,
            ExceptionsOf(await readingExceptions, decisive), channels);
    }

    /// <summary>The policies that decide: enabled ones, with what they are assigned to.</summary>
    public static async Task<IReadOnlyList<FleetPolicy>> PoliciesAsync(
        NpgsqlDataSource db, OrganizationId organization, CancellationToken ct)
    {
        var rows = await db.QueryAsync<PolicyRow>(
            """
            select p.policy_id, p.document, p.enabled, p.observed,
                array_remove(array_agg(a.target_type), null) as types, array_remove(array_agg(a.target_id), null) as targets
            from policies p left join policy_assignments a using (org_id, policy_id)
            where p.org_id = @organization and p.enabled and p.deleted_at is null
            group by p.org_id, p.policy_id
            """, new { organization }, ct);
        return
        [
            .. rows.Select(row => new FleetPolicy(
                row.PolicyId, Read(row), [.. row.Types.Zip(row.Targets, (type, target) => new PolicyTarget(type, target))])),
        ];
    }

    private static PolicyDocument Read(PolicyRow row) =>
        (PolicyParser.Parse(row.Document).Document
            ?? throw new InvalidOperationException($"The document of policy {row.PolicyId} cannot be read."))
            with
        { IsEnabled = row.Enabled, IsObserved = row.Observed };

    private static object Parameters(OrganizationId organization, FleetScope scope) =>
        new { Org = organization, scope.Environments, scope.Sets, scope.Owners };

    private static Guid[] Distinct(IEnumerable<Guid?> ids) => [.. ids.OfType<Guid>().Distinct()];

    private static List<FleetEnvironment> Environments(
        List<EnvironmentRow> rows, Dictionary<long, FleetSet> sets, Dictionary<Guid, FleetOwner> owners,
        Dictionary<Guid, string[]> machines, IReadOnlyList<FleetPolicy> policies, DateTimeOffset now)
    {
        var nobody = new FleetOwner(null, null, null, null);
        var counted = new Dictionary<FleetOwner, HashSet<Subject>>(ReferenceEqualityComparer.Instance);
        return rows.ConvertAll(row =>
        {
            var current = row.PackageSetId is { } id ? sets.GetValueOrDefault(id) : null;
            // While nothing is known of a new set, what was decided on the one before stands.
            var former = row.DecidedSetId is { } decided && decided != row.PackageSetId ? sets.GetValueOrDefault(decided) : null;
            var stored = row.Status is { } status
                ? new StoredDecision(
                    status, row.Message, row.PolicyId, row.Rule, row.Deadline, row.NextAt, row.DecidedSetId, row.DecidedSetSince,
                    row.Clocks, row.Holds)
                : null;
            var isBehind = current is null && former is not null;
            var clocks = Clocks.Of(row.Clocks);
            var owner = row.Owner is not { } ownerId ? nobody
                : owners.TryGetValue(ownerId, out var known) ? known : owners[ownerId] = new(ownerId, null, null, null);
            if (current is not null && row.DecidedSetId is not null
                && (row.DecidedSetId != row.PackageSetId || row.DecidedSetSince != row.SetSince))
            {
                if (!counted.TryGetValue(owner, out var subjects))
                {
                    counted[owner] = subjects = Counted(FleetFacts.PoliciesOf(policies, owner));
                }

                clocks = subjects.Count == 0 || (row.DecidedSetId != row.PackageSetId && former is null) ? null
                    : Clocks.Carry(clocks, former ?? current, row.DecidedSetSince, current, row.SetSince, subjects, now);
            }

            return new FleetEnvironment
            {
                Id = row.EnvironmentId,
                Owner = owner,
                Machine = row.MachineId is { } machine ? machines.GetValueOrDefault(machine) : null,
                Name = row.Name,
                Platform = row.Platform is { } platform ? string.Intern(platform) : null,
                LoggedAt = row.LoggedAt,
                Set = current ?? former,
                SetSince = isBehind ? row.DecidedSetSince : row.SetSince,
                IsBehind = isBehind,
                AwaitedUntil = current is null && former is null && (row.SetSince ?? row.PlacedAt) is { } since
                    ? Moments.Add(since, Patience) : null,
                Clocks = clocks,
                Holds = row.Holds is null ? null : JsonSerializer.Deserialize<Dictionary<string, DateTimeOffset>>(row.Holds, Json.Options),
                Manual = row.Manual,
                Stored = stored,
            };
        });
    }

    /// <summary>What graces of the policies are counted for from when it was seen first: findings, packages.</summary>
    private static HashSet<Subject> Counted(IEnumerable<FleetPolicy> policies) =>
    [
        .. policies.SelectMany(policy => policy.Document.Rules)
            .Where(rule => rule is { Grace: not null, GraceFrom: GraceFrom.Found } && rule.Subject != Subject.Environment)
            .Select(rule => rule.Subject),
    ];

    private static async Task<Dictionary<Guid, FleetOwner>> OwnersAsync(
        NpgsqlDataSource db, OrganizationId organization, Guid[]? some, CancellationToken ct)
    {
        var rows = await db.QueryAsync<OwnerRow>(
            $"""
            select s.subject_id, s.email, s.display_name,
                array_remove(array_agg(g.group_id), null) as group_ids, array_remove(array_agg(g.name), null) as group_names
            from subjects s
            left join group_members m using (org_id, subject_id)
            left join groups g on g.org_id = m.org_id and g.group_id = m.group_id and not g.deleted
            where s.org_id = @organization{(some is null ? "" : " and s.subject_id = any(@some)")}
            group by s.org_id, s.subject_id
            """, new { organization, some }, ct);
        return rows.ToDictionary(row => row.SubjectId, row => new FleetOwner(
            row.SubjectId, [.. new[] { row.SubjectId.ToString(), row.Email, row.DisplayName }.OfType<string>()],
            [.. row.GroupNames, .. row.GroupIds.Select(id => id.ToString())], row.GroupIds.ToHashSet())
        {
            DisplayName = row.Email ?? row.DisplayName,
        });
    }

    private static async Task<Dictionary<Guid, string[]>> MachinesAsync(
        NpgsqlDataSource db, OrganizationId organization, Guid[]? some, CancellationToken ct) =>
        (await db.QueryAsync<MachineRow>(
            $"""
            select machine_id, hostname from machines
            where org_id = @organization{(some is null ? "" : " and machine_id = any(@some)")}
            """, new { organization, some }, ct))
        .ToDictionary(row => row.MachineId, row => new[] { row.MachineId.ToString(), row.Hostname });

    private static async Task<Dictionary<long, FleetSet>> SetsAsync(
        NpgsqlDataSource db, OrganizationId organization, long[] ids, CancellationToken ct)
    {
        if (ids.Length == 0)
        {
            return [];
        }

        var statuses = db.QueryAsync<StatusRow>(
            """
            select package_set_id, package_id, vulnerability_id, status from finding_statuses
            where org_id = @organization and package_set_id = any(@ids)
            """, new { organization, ids }, ct);
        var rows = await db.QueryAsync<SetRow>(
            """
            select s.package_set_id, s.package_ids, f.facts_at
            from package_sets s join scan_facts f on f.org_id = @organization and f.package_set_id = s.package_set_id
            where s.package_set_id = any(@ids) and f.facts_at is not null
            """, new { organization, ids }, ct);
        var packages = await PackagesAsync(db, organization, [.. rows.SelectMany(row => row.PackageIds).Distinct()], ct);
        var held = (await statuses).GroupBy(row => row.PackageSetId).ToDictionary(
            same => same.Key,
            same => (IReadOnlyDictionary<(int, string), string>)same.ToDictionary(
                row => (row.PackageId, row.VulnerabilityId), row => row.Status));
        // A set of which a package is not known here is not known.
        return rows.Where(row => row.PackageIds.All(packages.ContainsKey)).ToDictionary(
            row => row.PackageSetId,
            row => new FleetSet(
                row.PackageSetId, Array.ConvertAll(row.PackageIds, id => packages[id]), row.FactsAt,
                held.GetValueOrDefault(row.PackageSetId)));
    }

    private static async Task<Dictionary<int, FleetPackage>> PackagesAsync(
        NpgsqlDataSource db, OrganizationId organization, int[] ids, CancellationToken ct)
    {
        var reading = db.QueryAsync<FindingRow>(
            """
            select f.package_id, f.vulnerability_id, f.fixed_in, f.fixed_at, f.found_at,
                v.aliases, v.cvss, v.severity, v.epss, v.kev, v.published_at
            from package_findings f left join vulnerabilities v using (vulnerability_id)
            where f.package_id = any(@ids) and f.gone_at is null
            """, new { ids }, ct);
        var rows = await db.QueryAsync<PackageRow>(
            """
            select p.package_id, p.manager, p.channel, p.name, p.version, p.build, p.coverage, o.license
            from packages p left join organization_packages o on o.org_id = @organization and o.package_id = p.package_id
            where p.package_id = any(@ids)
            """, new { organization, ids }, ct);
        var findings = (await reading).ToLookup(row => row.PackageId);
        return rows.Index().ToDictionary(row => row.Item.PackageId, row => new FleetPackage(row.Item.PackageId, row.Index, new(
            row.Item.Name, row.Item.Version, row.Item.Build, row.Item.Channel, null, row.Item.License, row.Item.Manager, row.Item.Coverage,
            null, [.. findings[row.Item.PackageId].Select(finding => Of(row.Item.Name, finding))])));
    }

    private static FindingFacts Of(string package, FindingRow row) => new(
        row.VulnerabilityId, row.Aliases ?? [], row.Cvss, Severities.Read(row.Severity), row.Epss, row.Kev, "reported", row.PublishedAt,
        row.FixedIn is { } versions ? versions.Length > 0 : null,
        row.FixedIn is { Length: > 0 } fixes ? $"{package} {string.Join(" or ", fixes)}" : null, row.FixedAt, row.FoundAt);

    private static async Task<Dictionary<string, FleetChannel>> ChannelsAsync(
        NpgsqlDataSource db, OrganizationId organization, IEnumerable<FleetSet> sets, CancellationToken ct)
    {
        var names = sets.SelectMany(set => set.Packages).Select(package => package.Facts.Channel).OfType<string>()
            .Where(name => name.Length > 0).ToHashSet(StringComparer.Ordinal).ToArray();
        if (names.Length == 0)
        {
            return [];
        }

        var rows = await db.QueryAsync<ChannelRow>(
            $"""
            select t.name, c.everybody, c.allowed,
                array(select g.group_id from channel_grants g where g.org_id = c.org_id and g.channel_id = c.channel_id) as groups
            from unnest(@names) as t (name)
            join channel_names n on n.org_id = @organization and n.folded = {Folded.Of("t.name")}
            join channels c on c.org_id = n.org_id and c.channel_id = n.channel_id and not c.deleted
            """, new { organization, names }, ct);
        return rows.ToDictionary(
            row => row.Name, row => new FleetChannel(row.Everybody, row.Allowed, row.Groups.ToHashSet()), StringComparer.Ordinal);
    }

    private static Task<List<ExceptionRow>> ExceptionsAsync(NpgsqlDataSource db, OrganizationId organization, CancellationToken ct) =>
        db.QueryAsync<ExceptionRow>(
            """
            select exception_id, scope_type, scope_id, vulnerability_id, package, policy_id, expires_at
            from exceptions where org_id = @organization and state = 'granted'
            """, new { organization }, ct);

    // What is for a policy that does not decide, or for a specification that cannot be read, leaves nothing out.
    private static List<FleetException> ExceptionsOf(List<ExceptionRow> rows, IReadOnlyList<FleetPolicy> policies)
    {
        var names = policies.ToDictionary(policy => policy.Id, policy => policy.Document.Name);
        return
        [
            .. from row in rows
               let spec = row.Package is { } text ? MatchSpec.ParsePattern(text) : null
               where row.ExpiresAt is not null && (row.Package is null || spec is not null)
                   && (row.PolicyId is null || names.ContainsKey(row.PolicyId.Value))
               select new FleetException(row.ScopeType, row.ScopeId, new(
                   row.ExceptionId, row.VulnerabilityId, spec, row.PolicyId is { } policy ? names[policy] : null, row.ExpiresAt!.Value)),
        ];
    }

    private sealed record EnvironmentRow(
        EnvironmentId EnvironmentId, Guid? Owner, Guid? MachineId, string? Name, string? Platform, long? PackageSetId,
        DateTimeOffset? SetSince, DateTimeOffset? LoggedAt, DateTimeOffset? PlacedAt, EnvironmentStatus? Manual, EnvironmentStatus? Status,
        string? Message, Guid? PolicyId, string? Rule, DateTimeOffset? Deadline, DateTimeOffset? NextAt, long? DecidedSetId,
        DateTimeOffset? DecidedSetSince, string? Clocks, string? Holds);

    private sealed record PolicyRow(Guid PolicyId, string Document, bool Enabled, bool Observed, string[] Types, Guid[] Targets);

    private sealed record OwnerRow(Guid SubjectId, string? Email, string DisplayName, Guid[] GroupIds, string[] GroupNames);

    private sealed record MachineRow(Guid MachineId, string Hostname);

    private sealed record SetRow(long PackageSetId, int[] PackageIds, DateTimeOffset FactsAt);

    private sealed record StatusRow(long PackageSetId, int PackageId, string VulnerabilityId, string Status);

    private sealed record PackageRow(
        int PackageId, string Manager, string Channel, string Name, string Version, string Build, string? Coverage, string? License);

    private sealed record FindingRow(
        int PackageId, string VulnerabilityId, string[]? FixedIn, DateTimeOffset? FixedAt, DateTimeOffset FoundAt, string[]? Aliases,
        decimal? Cvss, string? Severity, decimal? Epss, bool? Kev, DateTimeOffset? PublishedAt);

    private sealed record ChannelRow(string Name, bool Everybody, bool? Allowed, Guid[] Groups);

    private sealed record ExceptionRow(
        Guid ExceptionId, string ScopeType, Guid ScopeId, string? VulnerabilityId, string? Package, Guid? PolicyId,
        DateTimeOffset? ExpiresAt);
}
