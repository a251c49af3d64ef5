using EnvPlatform.Contracts;

namespace EnvPlatform.Policy.Decisions.Fleet;

/// <summary>
/// Decides on many environments what <see cref="Evaluator"/> decides on one, without looking at each package of each environment. Not safe
/// for use by two threads.
/// </summary>
internal sealed class FleetEngine
{
    private readonly FleetFacts _facts;
    private readonly FleetRule[][] _rules;
    private readonly IReadOnlyList<FleetPolicy> _policies;
    private readonly Dictionary<FleetOwner, Scope> _scopes = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, Grants> _grants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ExceptionSet> _exceptions = new(StringComparer.Ordinal) { [""] = ExceptionSet.None };
    private readonly Dictionary<Guid, FleetException[]> _own;
    private readonly FleetException[] _shared;
    private readonly string[] _channels;
    private readonly bool _asksForGrants;

    /// <param name="policies">Instead of those of the facts.</param>
    public FleetEngine(FleetFacts facts, DateTimeOffset now, IReadOnlyList<FleetPolicy>? policies = null)
    {
        (_facts, _policies) = (facts, policies ?? facts.Policies);
        var packages = facts.Environments.SelectMany(environment => environment.Set is { } set ? [set] : Array.Empty<FleetSet>())
            .Distinct<FleetSet>(ReferenceEqualityComparer.Instance).SelectMany(set => set.Packages).Select(package => package.Index)
            .DefaultIfEmpty(-1).Max() + 1;
        _rules =
        [
            .. _policies.Select(policy => policy.Document.Rules.Select(rule => new FleetRule(policy, rule, packages, now)).ToArray()),
        ];
        _asksForGrants = _rules.Any(rules => rules.Any(rule => rule.AsksForGrants));
        _channels = [.. facts.Channels.Keys.Order(StringComparer.Ordinal)];
        _own = facts.Exceptions.Where(one => one.ScopeType == "environment").GroupBy(one => one.ScopeId)
            .ToDictionary(same => same.Key, same => same.ToArray());
        _shared = [.. facts.Exceptions.Where(one => one.ScopeType != "environment")];
    }

    public FleetDecision Decide(FleetEnvironment environment)
    {
        var scope = ScopeOf(environment.Owner);
        var exceptions = _own.TryGetValue(environment.Id.Value, out var own) ? With(scope.Exceptions, own) : scope.Exceptions;
        var verdicts = scope.Rules.Length == 0 ? [] : new List<RuleVerdict>();
        DateTimeOffset? nextAt = null;
        foreach (var rule in scope.Rules)
        {
            if (rule.Decide(environment, scope.Grants, exceptions, ref nextAt) is { } verdict)
            {
                verdicts.Add(verdict);
            }
        }

        return new(environment, verdicts, nextAt, scope.Rules);
    }

    private Scope ScopeOf(FleetOwner owner)
    {
        if (_scopes.TryGetValue(owner, out var known))
        {
            return known;
        }

        var rules = _policies.Index()
            .Where(policy => policy.Item.Document.IsEnabled && policy.Item.AppliesTo(owner))
            .SelectMany(policy => _rules[policy.Index]).ToArray();
        var scope = new Scope(
            rules, _asksForGrants ? GrantsOf(owner) : new(0, _ => null),
            With(ExceptionSet.None, [.. _shared.Where(one => one.Covers(owner))]));
        _scopes[owner] = scope;
        return scope;
    }

    private Grants GrantsOf(FleetOwner owner)
    {
        var key = string.Concat(_channels.Select(
            channel => _facts.IsGranted(owner, channel) switch { null => '?', true => '+', false => '-' }));
        if (!_grants.TryGetValue(key, out var grants))
        {
            _grants[key] = grants = new(_grants.Count + 1, channel => _facts.IsGranted(owner, channel));
        }

        return grants;
    }

    private ExceptionSet With(ExceptionSet shared, FleetException[] more)
    {
        var all = shared.All.Concat(more.Select(one => one.Facts)).OrderBy(one => one.Id).ToArray();
        var key = string.Join(' ', all.Select(one => one.Id.ToString("N")));
        if (!_exceptions.TryGetValue(key, out var set))
        {
            _exceptions[key] = set = new(_exceptions.Count, all);
        }

        return set;
    }

    private sealed record Scope(FleetRule[] Rules, Grants Grants, ExceptionSet Exceptions);
}

/// <summary>What policies decide on an environment of a fleet.</summary>
/// <param name="Verdicts">Of the rules that say something.</param>
/// <param name="NextAt">When the decision may be another although nothing happens.</param>
/// <param name="Rules">All that apply.</param>
internal sealed record FleetDecision(
    FleetEnvironment Environment, IReadOnlyList<RuleVerdict> Verdicts, DateTimeOffset? NextAt, IReadOnlyList<FleetRule> Rules)
{
    /// <summary>By the policies that are enforced.</summary>
    public EnvironmentStatus Status => Top?.Status ?? EnvironmentStatus.Ok;

    /// <summary>The one that decides: the strictest, of those the first to be stricter; null where none has anything to say.</summary>
    public RuleVerdict? Top => Strictest(enforcedOnly: true);

    /// <summary>The same, of policies that only observe too unless only those that are enforced are asked for.</summary>
    public RuleVerdict? Strictest(bool enforcedOnly = false)
    {
        RuleVerdict? top = null;
        foreach (var verdict in Verdicts)
        {
            if (verdict.Status is not null && !(enforcedOnly && verdict.Rule.Policy.Document.IsObserved)
                && (top is null || IsBefore(verdict, top)))
            {
                top = verdict;
            }
        }

        return top;
    }

    private static bool IsBefore(RuleVerdict one, RuleVerdict other)
    {
        if (one.Status != other.Status)
        {
            return one.Status > other.Status;
        }

        var (first, second) = (one.Deadline ?? DateTimeOffset.MaxValue, other.Deadline ?? DateTimeOffset.MaxValue);
        if (first != second)
        {
            return first < second;
        }

        var byPolicy = string.CompareOrdinal(one.Rule.Policy.Document.Name, other.Rule.Policy.Document.Name);
        return byPolicy != 0 ? byPolicy < 0 : string.CompareOrdinal(one.Rule.Rule.Name, other.Rule.Rule.Name) < 0;
    }
}
