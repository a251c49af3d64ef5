using EnvPlatform.Contracts;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions;

/// <summary>One rule on one environment.</summary>
internal sealed class RuleLook(PolicyDocument policy, PolicyRule rule, EnvironmentFacts environment, DateTimeOffset now)
{
    private readonly RuleKey _key = new(policy.Name, rule.Name);
    private readonly List<Match> _matches = [];
    private readonly List<(ExceptionFacts Exception, Match Match)> _excepted = [];

    /// <summary>When it may decide otherwise although nothing happens; null where it does not.</summary>
    public DateTimeOffset? NextAt { get; private set; }

    /// <summary>What the rule would say of what is left out for a time, for each exception.</summary>
    public IEnumerable<Reason> Excepted => _excepted
        .GroupBy(one => one.Exception.Id)
        .Select(same => Explain([.. same.Select(one => one.Match)]) with { Exception = same.First().Exception });

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

                foreach (var finding in package.Findings.Where(finding => Conditions.IsMeant(rule, finding.Status)))
                {
                    Look(package, finding);
                }
            }
        }

        return _matches.Count == 0 ? null : Explain(_matches);
    }

    // Nothing is known of the packages: what the environment itself answers may already rule it out.
    private void LookUnscanned()
    {
        if (environment.AwaitedUntil > now)
        {
            var isOut = rule.When.Any(condition => condition.Kind.Subject == Subject.Environment && !Conditions.IsTimed(condition)
                && Conditions.Evaluate(condition, environment, null, null, now) == Answer.No);
            NextAt = isOut ? null : environment.AwaitedUntil;
            return;
        }

        var unknown = new List<string> { "The packages of the environment have not been scanned yet." };
        if (Ask(rule.When.Where(condition => condition.Kind.Subject == Subject.Environment), null, null, unknown) != Answer.No)
        {
            Add(new(null, null, null, null, null, null, EnvironmentStatus.Warn, unknown), null, null);
        }
    }

    private void Look(PackageFacts? package, FindingFacts? finding)
    {
        var unknown = new List<string>();
        var answer = Ask(rule.When, package, finding, unknown);
        if (answer == Answer.No)
        {
            return;
        }

        var (since, deadline) = answer == Answer.Yes ? Clock(package, finding, unknown) : (null, null);
        var blocks = answer == Answer.Yes && rule.Then == Effect.Block && (rule.Grace is null || deadline <= now);
        var match = new Match(
            finding?.Id, package?.Name, package?.Version, finding?.Fix, since, deadline,
            blocks ? EnvironmentStatus.Block : EnvironmentStatus.Warn, unknown);
        if (Add(match, package, finding) && deadline > now)
        {
            NextAt = Moments.Earlier(NextAt, deadline);
        }
    }

    /// <returns>False where an exception leaves it out.</returns>
    private bool Add(Match match, PackageFacts? package, FindingFacts? finding)
    {
        if (Exceptions.Covering(environment.Exceptions, policy.Name, package, finding, now) is { } exception)
        {
            _excepted.Add((exception, match));
            NextAt = Moments.Earlier(NextAt, exception.ExpiresAt);
            return false;
        }

        _matches.Add(match);
        return true;
    }

    // What time does not change comes first: where that is known not to hold, no moment changes anything.
    private Answer Ask(IEnumerable<Condition> conditions, PackageFacts? package, FindingFacts? finding, List<string> unknown)
    {
        var (answer, asked) = (Answer.Yes, false);
        foreach (var condition in conditions.OrderBy(Conditions.IsTimed))
        {
            var isTimed = Conditions.IsTimed(condition);
            if (isTimed && !asked)
            {
                if (answer == Answer.No)
                {
                    return Answer.No;
                }

                asked = true;
            }

            if (isTimed)
            {
                NextAt = Moments.Earlier(NextAt, Conditions.NextChange(condition, environment, finding, now));
            }

            var one = Conditions.Evaluate(condition, environment, package, finding, now);
            if (one == Answer.Unknown)
            {
                unknown.Add(Conditions.Unknown(condition, package, finding));
            }

            answer = one < answer ? one : answer;
        }

        return answer;
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

    private Reason Explain(List<Match> unordered)
    {
        var matches = unordered
            .OrderByDescending(match => match.Status)
            .ThenBy(match => match.Deadline ?? DateTimeOffset.MaxValue)
            .ThenBy(match => match.Vulnerability, StringComparer.Ordinal)
            .ThenBy(match => match.Package, StringComparer.Ordinal)
            .ThenBy(match => match.Version, StringComparer.Ordinal)
            .ToArray();
        var status = matches[0].Status;
        var deadline = status == EnvironmentStatus.Block ? null : matches.Min(match => match.Deadline);
        return new(
            _key, status, Messages.Of(policy, rule, environment.Name, NamesOf(matches), status, deadline), deadline,
            [.. matches.SelectMany(match => match.Unknown).Distinct(StringComparer.Ordinal)], matches);
    }

    private static MatchedNames NamesOf(Match[] matches) =>
        MatchedNames.Of(matches, match => match.Vulnerability, match => match.Package, match => match.Fix);
}
