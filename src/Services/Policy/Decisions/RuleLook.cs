using EnvPlatform.Contracts;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions;

/// <summary>One rule on one environment.</summary>
internal sealed class RuleLook(PolicyDocument policy, PolicyRule rule, EnvironmentFacts environment, DateTimeOffset now)
{
    /// <summary>Curations that settle a finding: a rule means such only where it names them.</summary>
    private static readonly string[] Settled = ["mitigated", "cleared", "disputed"];

    private readonly RuleKey _key = new(policy.Name, rule.Name);
    private readonly List<Match> _matches = [];

    /// <summary>When it may decide otherwise although nothing happens; null where it does not.</summary>
    public DateTimeOffset? NextAt { get; private set; }

    /// <summary>Null where the rule has nothing to say.</summary>
    public Reason? Decide()
    {
        if (rule.Subject == Subject.Environment)
        {
            Look(null, null);
        }
        else if (environment.Packages is not { } packages)
        {
            LookUnscanned();
        }
        else
        {
            foreach (var package in packages)
            {
                if (rule.Subject == Subject.Package)
                {
                    Look(package, null);
                    continue;
                }

                foreach (var finding in package.Findings.Where(IsMeant))
                {
                    Look(package, finding);
                }
            }
        }

        return _matches.Count == 0 ? null : Explain();
    }

    private bool IsMeant(FindingFacts finding) =>
        !Settled.Contains(finding.Status) || rule.When.Any(condition => condition is { Kind.Name: "status", IsInverted: false });

    // Nothing is known of the packages: what the environment itself answers may already rule it out.
    private void LookUnscanned()
    {
        var answer = Answer.Yes;
        var unknown = new List<string> { "The packages of the environment have not been scanned yet." };
        foreach (var condition in rule.When.Where(condition => condition.Kind.Subject == Subject.Environment))
        {
            Ask(condition, null, null, ref answer, unknown);
        }

        if (answer != Answer.No)
        {
            _matches.Add(new(null, null, null, null, null, null, EnvironmentStatus.Warn, unknown));
        }
    }

    private void Look(PackageFacts? package, FindingFacts? finding)
    {
        var answer = Answer.Yes;
        var unknown = new List<string>();
        foreach (var condition in rule.When)
        {
            Ask(condition, package, finding, ref answer, unknown);
        }

        if (answer == Answer.No)
        {
            return;
        }

        var (since, deadline) = answer == Answer.Yes ? Clock(package, finding, unknown) : (null, null);
        var blocks = answer == Answer.Yes && rule.Then == Effect.Block && (rule.Grace is null || deadline <= now);
        if (deadline > now)
        {
            NextAt = Moments.Earlier(NextAt, deadline);
        }

        _matches.Add(new(
            finding?.Id, package?.Name, package?.Version, finding?.Fix, since, deadline,
            blocks ? EnvironmentStatus.Block : EnvironmentStatus.Warn, unknown));
    }

    private void Ask(Condition condition, PackageFacts? package, FindingFacts? finding, ref Answer answer, List<string> unknown)
    {
        var one = Conditions.Evaluate(condition, environment, package, finding, now);
        if (one == Answer.Unknown)
        {
            unknown.Add(Conditions.Unknown(condition, package, finding));
        }

        answer = one < answer ? one : answer;
        NextAt = Moments.Earlier(NextAt, Conditions.NextChange(condition, environment, finding, now));
    }

    private (DateTimeOffset? Since, DateTimeOffset? Deadline) Clock(PackageFacts? package, FindingFacts? finding, List<string> unknown)
    {
        if (rule.Grace is not { } grace)
        {
            return (null, null);
        }

        DateTimeOffset? since = (rule.GraceFrom, rule.Subject) switch
        {
            (GraceFrom.Published, _) => finding!.PublishedAt,
            (GraceFrom.FixAvailable, _) => finding!.FixedAt,
            (_, Subject.Finding) => finding!.FoundAt,
            (_, Subject.Package) => package!.SeenAt,
            _ => environment.HoldsSince.TryGetValue(_key, out var held) ? held : now,
        };
        // Without a fix the clock has not started: that is known, and the grace goes on.
        if (since is null && !(rule.GraceFrom == GraceFrom.FixAvailable && finding!.HasFix == false))
        {
            unknown.Add(rule.GraceFrom switch
            {
                GraceFrom.Published => $"It is not known when {finding!.Id} was published, from which the grace is counted.",
                GraceFrom.FixAvailable => $"It is not known since when {finding!.Id} has a fix, from which the grace is counted.",
                _ => $"It is not known since when {finding?.Id ?? package!.Name} is in the environment, from which the grace is counted.",
            });
        }

        return (since, since is { } start ? Moments.Add(start, grace.Span) : null);
    }

    private Reason Explain()
    {
        var matches = _matches
            .OrderByDescending(match => match.Status)
            .ThenBy(match => match.Deadline ?? DateTimeOffset.MaxValue)
            .ThenBy(match => match.Vulnerability, StringComparer.Ordinal)
            .ThenBy(match => match.Package, StringComparer.Ordinal)
            .ThenBy(match => match.Version, StringComparer.Ordinal)
            .ToArray();
        var status = matches[0].Status;
        var deadline = status == EnvironmentStatus.Block ? null : matches.Min(match => match.Deadline);
        return new(
            _key, status, Messages.Of(policy, rule, environment, matches, deadline), deadline,
            [.. matches.SelectMany(match => match.Unknown).Distinct(StringComparer.Ordinal)], matches);
    }
}
