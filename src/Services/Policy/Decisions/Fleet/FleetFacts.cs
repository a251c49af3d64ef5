using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions.Fleet;

/// <summary>
/// What is known of some environments of an organization, or of all. What they share is there once: packages, sets, owners.
/// </summary>
/// <param name="Exceptions">Those that are granted.</param>
/// <param name="Channels">By the name under which packages have them; a name that is not in it is of none.</param>
internal sealed record FleetFacts(
    IReadOnlyList<FleetEnvironment> Environments, IReadOnlyList<FleetPolicy> Policies, IReadOnlyList<FleetException> Exceptions,
    IReadOnlyDictionary<string, FleetChannel> Channels)
{
    /// <summary>The policies that apply to the environments of an owner.</summary>
    public static IEnumerable<FleetPolicy> PoliciesOf(IEnumerable<FleetPolicy> policies, FleetOwner owner) =>
        policies.Where(policy => policy.Document.IsEnabled && policy.AppliesTo(owner));

    /// <summary>Whether the owner may use a channel; null where it is not known.</summary>
    public bool? IsGranted(FleetOwner owner, string? name)
    {
        if (name is null)
        {
            return null;
        }

        // A channel that the organization does not know was granted to nobody.
        if (!Channels.TryGetValue(name, out var channel) || channel.Allowed == false)
        {
            return false;
        }

        return channel.IsEverybodys ? true : owner.GroupIds?.Overlaps(channel.Groups);
    }

    /// <summary>Those in whose scope an environment is.</summary>
    public IReadOnlyList<ExceptionFacts> ExceptionsOf(FleetEnvironment environment) =>
        [.. Exceptions.Where(one => one.Covers(environment)).Select(one => one.Facts)];

    /// <summary>All that the evaluator asks for of one environment.</summary>
    public EnvironmentFacts Of(FleetEnvironment environment)
    {
        var holds = new Dictionary<RuleKey, DateTimeOffset>();
        foreach (var policy in Policies)
        {
            foreach (var rule in policy.Document.Rules)
            {
                if (environment.HeldSince(policy, rule) is { } since)
                {
                    holds[new(policy.Document.Name, rule.Name)] = since;
                }
            }
        }

        return new(
            environment.Name, environment.Platform, environment.Owner.Names, environment.Owner.GroupNames, environment.Machine,
            environment.LoggedAt, environment.Set is { } set ? [.. set.Packages.Select(package => Of(environment, set, package))] : null,
            holds)
        {
            Exceptions = ExceptionsOf(environment),
            AwaitedUntil = environment.AwaitedUntil,
        };
    }

    private PackageFacts Of(FleetEnvironment environment, FleetSet set, FleetPackage package) => package.Facts with
    {
        IsGranted = IsGranted(environment.Owner, package.Facts.Channel),
        SeenAt = environment.SeenAt(package.Facts, null),
        Findings =
        [
            .. package.Facts.Findings.Select(finding => finding with
            {
                Status = set.StatusOf(package, finding),
                FoundAt = environment.SeenAt(package.Facts, finding),
            }),
        ],
    };
}

/// <summary>A policy as it is stored, or as it would be.</summary>
internal sealed record FleetPolicy(Guid Id, PolicyDocument Document, IReadOnlyList<PolicyTarget> Targets)
{
    public bool AppliesTo(FleetOwner owner) => Targets.Any(target => target.Type switch
    {
        PolicyTarget.Organization => true,
        PolicyTarget.Group => owner.GroupIds?.Contains(target.Id) == true,
        _ => owner.Id == target.Id,
    });
}

/// <summary>To whose environments a policy is assigned.</summary>
internal sealed record PolicyTarget(string Type, Guid Id)
{
    public const string Organization = "organization";
    public const string Group = "group";
    public const string User = "user";
}

/// <summary>A granted exception with its scope.</summary>
internal sealed record FleetException(string ScopeType, Guid ScopeId, ExceptionFacts Facts)
{
    public bool Covers(FleetEnvironment environment) =>
        ScopeType == "environment" ? environment.Id.Value == ScopeId : Covers(environment.Owner);

    public bool Covers(FleetOwner owner) => ScopeType switch
    {
        "organization" => true,
        "group" => owner.GroupIds?.Contains(ScopeId) == true,
        _ => false,
    };
}

/// <param name="Groups">Those that were granted it.</param>
internal sealed record FleetChannel(bool IsEverybodys, bool? Allowed, IReadOnlySet<Guid> Groups);

/// <summary>The owner of environments.</summary>
/// <param name="Id">Null where it is not known who it is.</param>
/// <param name="Names">Null where nothing is known of it.</param>
/// <param name="GroupIds">Null where nothing is known of it.</param>
internal sealed record FleetOwner(Guid? Id, IReadOnlyList<string>? Names, IReadOnlyList<string>? GroupNames, IReadOnlySet<Guid>? GroupIds)
{
    /// <summary>For people; null where nothing is known of it.</summary>
    public string? DisplayName { get; init; }
}

/// <summary>A package, once for all environments that hold it.</summary>
/// <param name="Index">From 0, without gaps, within what was read together.</param>
/// <param name="Facts">Findings are reported ones, found when they were first found at all; nothing is said of grants.</param>
internal sealed record FleetPackage(int Id, int Index, PackageFacts Facts);

/// <param name="FactsAt">When what was found in it was last known here.</param>
/// <param name="Statuses">What the organization holds of findings, by package and vulnerability; null where it says nothing.</param>
internal sealed record FleetSet(
    long Id, IReadOnlyList<FleetPackage> Packages, DateTimeOffset FactsAt,
    IReadOnlyDictionary<(int Package, string Vulnerability), string>? Statuses)
{
    public string StatusOf(FleetPackage package, FindingFacts finding) =>
        Statuses is not null && Statuses.TryGetValue((package.Id, finding.Id), out var status) ? status : finding.Status;
}

/// <summary>An environment as it is decided on.</summary>
internal sealed class FleetEnvironment
{
    private EnvironmentFacts? _named;

    public required EnvironmentId Id { get; init; }

    public required FleetOwner Owner { get; init; }

    /// <summary>What its machine is called; null where that is not known.</summary>
    public IReadOnlyList<string>? Machine { get; init; }

    public string? Name { get; init; }

    public string? Platform { get; init; }

    public DateTimeOffset? LoggedAt { get; init; }

    /// <summary>
    /// The set that it holds; the one before while nothing is known of the new one; null where nothing is known of either.
    /// </summary>
    public FleetSet? Set { get; init; }

    public DateTimeOffset? SetSince { get; init; }

    /// <summary>Whether <see cref="Set"/> is not the one that it holds by now.</summary>
    public bool IsBehind { get; init; }

    public DateTimeOffset? AwaitedUntil { get; init; }

    /// <summary>What was in it before it got its set; null where that is not remembered.</summary>
    public Clocks? Clocks { get; init; }

    /// <summary>Since when rules about environments hold, by policy and rule; null for none.</summary>
    public IReadOnlyDictionary<string, DateTimeOffset>? Holds { get; init; }

    /// <summary>What a person set; null where nobody did.</summary>
    public EnvironmentStatus? Manual { get; init; }

    /// <summary>What was decided last; null where nothing was.</summary>
    public StoredDecision? Stored { get; init; }

    /// <summary>What conditions on environments ask for.</summary>
    public EnvironmentFacts Named => _named ??= new(
        Name, Platform, Owner.Names, Owner.GroupNames, Machine, LoggedAt, null, new Dictionary<RuleKey, DateTimeOffset>());

    public static string HoldKey(FleetPolicy policy, PolicyRule rule) => $"{policy.Id:N}/{rule.Name}";

    public DateTimeOffset? HeldSince(FleetPolicy policy, PolicyRule rule) =>
        Holds is not null && rule.Subject == Subject.Environment && Holds.TryGetValue(HoldKey(policy, rule), out var since) ? since : null;

    /// <summary>When a package, or a finding in it, was first seen in this environment; null where that is not known.</summary>
    /// <param name="finding">As it is for everybody.</param>
    public DateTimeOffset? SeenAt(PackageFacts package, FindingFacts? finding)
    {
        var since = finding is null || SetSince is null || finding.FoundAt < SetSince ? SetSince : finding.FoundAt;
        return Clocks?.Find(package, finding) is { } carried && !(since <= carried) ? carried : since;
    }
}

/// <summary>What policies decided of an environment, as stored.</summary>
/// <param name="PackageSetId">The set that was decided on; null where nothing was known of any.</param>
internal sealed record StoredDecision(
    EnvironmentStatus Status, string? Message, Guid? PolicyId, string? Rule, DateTimeOffset? Deadline, DateTimeOffset? NextAt,
    long? PackageSetId, DateTimeOffset? SetSince, string? Clocks, string? Holds);
