using EnvPlatform.Contracts;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions.Fleet;

/// <summary>
/// A rule over many environments: what it says of a package is asked once for all sets that hold it, and what it says of a set once for all
/// environments that hold that.
/// </summary>
internal sealed class FleetRule
{
    private static readonly EnvironmentFacts Nobody =
        new(null, null, null, null, null, null, null, new Dictionary<RuleKey, DateTimeOffset>());

    private readonly DateTimeOffset _now;
    private readonly Condition[] _package;
    private readonly Condition[] _finding;
    private readonly Condition[] _age;
    private readonly Condition[] _environment;
    private readonly Condition[] _logAge;
    private readonly bool _hasStatus;
    private readonly PackageLook[]?[] _looks = new PackageLook[3][];
    private readonly Dictionary<(long Set, int Grants, int Exceptions), SetLook> _sets = [];

    /// <param name="packages">How many there are.</param>
    public FleetRule(FleetPolicy policy, PolicyRule rule, int packages, DateTimeOffset now)
    {
        (Policy, Rule, _now) = (policy, rule, now);
        _package = [.. rule.When.Where(condition => condition.Kind.Subject == Subject.Package)];
        _finding = [.. rule.When.Where(condition => condition.Kind is { Subject: Subject.Finding, Name: not "age" })];
        _age = [.. rule.When.Where(condition => condition.Kind.Name == "age")];
        _environment = [.. rule.When.Where(condition => condition.Kind is { Subject: Subject.Environment, Name: not "log_age" })];
        _logAge = [.. rule.When.Where(condition => condition.Kind.Name == "log_age")];
        _hasStatus = rule.Subject == Subject.Finding;
        AsksForGrants = _package.Any(condition => condition.Any.Any(operand => operand.Text == ConditionKinds.NotGranted));
        for (var i = 0; i < _looks.Length; i++)
        {
            _looks[i] = i == 0 || AsksForGrants ? new PackageLook[packages] : null;
        }
    }

    public FleetPolicy Policy { get; }

    public PolicyRule Rule { get; }

    public bool AsksForGrants { get; }

    /// <summary>Whether its graces are counted from when something was seen in the environment first.</summary>
    public bool CountsFromFound => Rule is { Grace: not null, GraceFrom: GraceFrom.Found } && Rule.Subject != Subject.Environment;

    /// <summary>What the rule says of an environment; null where it says nothing.</summary>
    /// <param name="grants">Which channels its owner may use.</param>
    /// <param name="exceptions">Those in whose scope it is.</param>
    /// <param name="nextAt">When that may change by itself; kept where it is earlier.</param>
    public RuleVerdict? Decide(
        FleetEnvironment environment, Grants grants, ExceptionSet exceptions, ref DateTimeOffset? nextAt)
    {
        var answer = Answer.Yes;
        if (_environment.Length > 0)
        {
            answer = Least(_environment, environment.Named, null, null);
        }

        if (answer == Answer.No)
        {
            return null;
        }

        return Rule.Subject == Subject.Environment ? OfEnvironment(environment, answer, exceptions, ref nextAt)
            : environment.Set is { } set ? OfSet(environment, set, answer, grants, exceptions, ref nextAt)
            : Unscanned(environment, answer, exceptions, ref nextAt);
    }

    private RuleVerdict? OfEnvironment(FleetEnvironment environment, Answer answer, ExceptionSet exceptions, ref DateTimeOffset? nextAt)
    {
        answer = WithLogAge(environment, answer, ref nextAt);
        if (answer == Answer.No || IsLeftOut(exceptions, ref nextAt))
        {
            return answer == Answer.No ? null : new(this, SetLook.Empty, null, null, false, answer == Answer.Yes);
        }

        if (answer == Answer.Unknown)
        {
            return new(this, SetLook.Empty, EnvironmentStatus.Warn, null, true, false);
        }

        DateTimeOffset? deadline = Rule.Grace is { } grace
            ? Moments.Add(environment.HeldSince(Policy, Rule) ?? _now, grace.Span) : null;
        return Of(SetLook.Empty, deadline, false, true, ref nextAt);
    }

    private bool IsLeftOut(ExceptionSet exceptions, ref DateTimeOffset? nextAt)
    {
        if (Exceptions.Covering(exceptions.All, Policy.Document.Name, null, null, _now) is not { } exception)
        {
            return false;
        }

        nextAt = Moments.Earlier(nextAt, exception.ExpiresAt);
        return true;
    }

    private RuleVerdict? Unscanned(FleetEnvironment environment, Answer answer, ExceptionSet exceptions, ref DateTimeOffset? nextAt)
    {
        if (environment.AwaitedUntil > _now)
        {
            nextAt = Moments.Earlier(nextAt, environment.AwaitedUntil);
            return null;
        }

        answer = WithLogAge(environment, answer, ref nextAt);
        return answer == Answer.No || IsLeftOut(exceptions, ref nextAt)
            ? null : new(this, SetLook.Empty, EnvironmentStatus.Warn, null, true, false);
    }

    private RuleVerdict? OfSet(
        FleetEnvironment environment, FleetSet set, Answer answer, Grants grants, ExceptionSet exceptions, ref DateTimeOffset? nextAt)
    {
        var key = (set.Id, AsksForGrants ? grants.Id : 0, exceptions.Id);
        if (!_sets.TryGetValue(key, out var look))
        {
            _sets[key] = look = Look(set, grants, exceptions);
        }

        if (!look.IsMeant)
        {
            return null;
        }

        nextAt = Moments.Earlier(nextAt, look.NextAge);
        answer = WithLogAge(environment, answer, ref nextAt);
        if (answer == Answer.No)
        {
            return null;
        }

        nextAt = Moments.Earlier(nextAt, look.NextException);
        if (look.Matches.Count == 0)
        {
            return null;
        }

        if (answer == Answer.Unknown || !look.HasYes)
        {
            return new(this, look, EnvironmentStatus.Warn, null, true, false);
        }

        if (Rule.Grace is not { } grace)
        {
            return Of(look, null, look.HasUnknown, true, ref nextAt);
        }

        var (first, next, isUnknown) = CountsFromFound ? FromFound(environment, look, grace) : (look.First, look.Next, look.IsClockUnknown);
        nextAt = Moments.Earlier(nextAt, next);
        return Of(look, first, look.HasUnknown || isUnknown, false, ref nextAt);
    }

    /// <param name="deadline">The first; null where there is none, or it is not known.</param>
    private RuleVerdict Of(SetLook look, DateTimeOffset? deadline, bool isUnknown, bool isAlone, ref DateTimeOffset? nextAt)
    {
        if (isAlone && deadline > _now)
        {
            nextAt = Moments.Earlier(nextAt, deadline);
        }

        var blocks = Rule.Then == Effect.Block && (Rule.Grace is null || deadline <= _now);
        return new(
            this, look, blocks ? EnvironmentStatus.Block : EnvironmentStatus.Warn, blocks ? null : deadline, isUnknown,
            Rule.Subject == Subject.Environment);
    }

    // Where nothing is remembered from earlier sets, the first that was found in the set tells all.
    private (DateTimeOffset? First, DateTimeOffset? Next, bool IsUnknown) FromFound(
        FleetEnvironment environment, SetLook look, Duration grace)
    {
        if (environment.Clocks is null)
        {
            if (environment.SetSince is not { } since)
            {
                return (null, null, true);
            }

            if (look.First is not { } found)
            {
                return (null, null, look.IsClockUnknown);
            }

            var own = Moments.Add(since, grace.Span);
            var first = found > own ? found : own;
            // All are counted from the set while it is in its grace: else only those that were found after it came.
            return (first, own > _now ? first : look.Next, look.IsClockUnknown);
        }

        DateTimeOffset? earliest = null;
        DateTimeOffset? next = null;
        var isUnknown = false;
        foreach (var match in look.Matches)
        {
            if (match.Answer != Answer.Yes)
            {
                continue;
            }

            if (environment.SeenAt(match.Package.Facts, match.Finding) is not { } seen)
            {
                isUnknown = true;
                continue;
            }

            var deadline = Moments.Add(seen, grace.Span);
            earliest = Moments.Earlier(earliest, deadline);
            next = deadline > _now ? Moments.Earlier(next, deadline) : next;
        }

        return (earliest, next, isUnknown);
    }

    private Answer WithLogAge(FleetEnvironment environment, Answer answer, ref DateTimeOffset? nextAt)
    {
        if (_logAge.Length == 0)
        {
            return answer;
        }

        foreach (var condition in _logAge)
        {
            nextAt = Moments.Earlier(nextAt, Conditions.NextChange(condition, environment.Named, null, _now));
        }

        var one = Least(_logAge, environment.Named, null, null);
        return one < answer ? one : answer;
    }

    private SetLook Look(FleetSet set, Grants grants, ExceptionSet exceptions)
    {
        var look = new SetLook();
        foreach (var package in set.Packages)
        {
            var granted = AsksForGrants ? grants.Of(package.Facts.Channel) : null;
            var seen = Look(package, granted);
            if (_hasStatus && set.Statuses is not null && package.Facts.Findings.Any(
                finding => set.Statuses.ContainsKey((package.Id, finding.Id))))
            {
                seen = Ask(package, granted, finding => set.StatusOf(package, finding));
            }

            foreach (var one in seen.Matches)
            {
                look.IsMeant = true;
                look.NextAge = Moments.Earlier(look.NextAge, one.NextAge);
                if (one.Answer == Answer.No)
                {
                    continue;
                }

                if (exceptions.All.Count > 0
                    && Exceptions.Covering(exceptions.All, Policy.Document.Name, package.Facts, one.Finding, _now) is { } exception)
                {
                    look.NextException = Moments.Earlier(look.NextException, exception.ExpiresAt);
                    continue;
                }

                look.Matches.Add(one);
                look.HasYes |= one.Answer == Answer.Yes;
                look.HasUnknown |= one.Answer == Answer.Unknown;
                if (one.Answer == Answer.Yes && Rule.Grace is { } grace)
                {
                    AddClock(look, one, grace);
                }
            }
        }

        return look;
    }

    private void AddClock(SetLook look, PackageMatch match, Duration grace)
    {
        var finding = match.Finding;
        // A package is in the environment since it has the set.
        DateTimeOffset? since = (Rule.GraceFrom, Rule.Subject) switch
        {
            (GraceFrom.Published, _) => finding!.PublishedAt,
            (GraceFrom.FixAvailable, _) => finding!.FixedAt,
            (_, Subject.Finding) => finding!.FoundAt,
            _ => DateTimeOffset.MinValue,
        };
        if (since is not { } start)
        {
            look.IsClockUnknown |= !(Rule.GraceFrom == GraceFrom.FixAvailable && finding!.HasFix == false);
            return;
        }

        var deadline = Moments.Add(start, grace.Span);
        look.First = Moments.Earlier(look.First, deadline);
        look.Next = deadline > _now ? Moments.Earlier(look.Next, deadline) : look.Next;
    }

    private PackageLook Look(FleetPackage package, bool? granted)
    {
        var looks = _looks[!AsksForGrants ? 0 : granted switch { null => 0, true => 1, false => 2 }]!;
        return looks[package.Index] ??= Ask(package, granted, finding => finding.Status);
    }

    private PackageLook Ask(FleetPackage package, bool? granted, Func<FindingFacts, string> statusOf)
    {
        var facts = AsksForGrants ? package.Facts with { IsGranted = granted } : package.Facts;
        var answer = Least(_package, Nobody, facts, null);
        if (answer == Answer.No)
        {
            return PackageLook.None;
        }

        if (Rule.Subject == Subject.Package)
        {
            return new([new(package, null, answer, null)]);
        }

        var matches = new List<PackageMatch>();
        foreach (var each in package.Facts.Findings)
        {
            var status = statusOf(each);
            if (!Conditions.IsMeant(Rule, status))
            {
                continue;
            }

            var finding = status == each.Status ? each : each with { Status = status };
            var one = Least(_finding, Nobody, facts, finding);
            if (one == Answer.No)
            {
                continue;
            }

            DateTimeOffset? nextAge = null;
            foreach (var condition in _age)
            {
                nextAge = Moments.Earlier(nextAge, Conditions.NextChange(condition, Nobody, finding, _now));
            }

            var aged = Least(_age, Nobody, facts, finding);
            matches.Add(new(package, finding, (Answer)Math.Min(Math.Min((int)answer, (int)one), (int)aged), nextAge));
        }

        return matches.Count == 0 ? PackageLook.None : new(matches);
    }

    private Answer Least(Condition[] conditions, EnvironmentFacts environment, PackageFacts? package, FindingFacts? finding)
    {
        var answer = Answer.Yes;
        foreach (var condition in conditions)
        {
            var one = Conditions.Evaluate(condition, environment, package, finding, _now);
            answer = one < answer ? one : answer;
            if (answer == Answer.No)
            {
                break;
            }
        }

        return answer;
    }
}

/// <summary>What a rule says of an environment. Its status is null where an exception leaves it out.</summary>
/// <param name="Deadline">From when on it blocks, where it warns for the time being.</param>
/// <param name="IsUnknown">Whether something is not known, wherefore it does not decide all.</param>
/// <param name="Holds">Whether it is a rule about environments, and holds.</param>
internal sealed record RuleVerdict(
    FleetRule Rule, SetLook Look, EnvironmentStatus? Status, DateTimeOffset? Deadline, bool IsUnknown, bool Holds)
{
    public string MessageFor(FleetEnvironment environment) => Messages.Of(
        Rule.Policy.Document, Rule.Rule, environment.Name, Look.Names, Status!.Value, Deadline);
}

/// <summary>What a rule matches in a package.</summary>
internal sealed record PackageLook(IReadOnlyList<PackageMatch> Matches)
{
    public static PackageLook None { get; } = new([]);
}

/// <param name="Finding">With what the organization holds of it; null for a rule about packages.</param>
/// <param name="Answer">No where only its age keeps it from matching.</param>
/// <param name="NextAge">When its age may change the answer.</param>
internal sealed record PackageMatch(FleetPackage Package, FindingFacts? Finding, Answer Answer, DateTimeOffset? NextAge);

/// <summary>What a rule matches in a set, for all environments with the same channels and exceptions.</summary>
internal sealed class SetLook
{
    private MatchedNames? _names;

    public static SetLook Empty { get; } = new();

    /// <summary>Without those that exceptions leave out.</summary>
    public List<PackageMatch> Matches { get; } = [];

    /// <summary>Whether there is anything of which only time, or an exception, may keep it from matching.</summary>
    public bool IsMeant { get; set; }

    public bool HasYes { get; set; }

    public bool HasUnknown { get; set; }

    public bool IsClockUnknown { get; set; }

    public DateTimeOffset? NextAge { get; set; }

    public DateTimeOffset? NextException { get; set; }

    /// <summary>The first end of a grace, as far as it does not depend on the environment.</summary>
    public DateTimeOffset? First { get; set; }

    /// <summary>The first that is still to come.</summary>
    public DateTimeOffset? Next { get; set; }

    public MatchedNames Names => _names ??= MatchedNames.Of(
        Matches, match => match.Finding?.Id, match => match.Package.Facts.Name, match => match.Finding?.Fix);
}

/// <summary>Which channels an owner may use; owners with the same have the same id.</summary>
internal sealed record Grants(int Id, Func<string?, bool?> Of);

/// <summary>Exceptions in whose scope an environment is; environments with the same have the same id.</summary>
internal sealed record ExceptionSet(int Id, IReadOnlyList<ExceptionFacts> All)
{
    public static ExceptionSet None { get; } = new(0, []);
}
