using EnvPlatform.Contracts;
using EnvPlatform.Policy.Decisions;
using EnvPlatform.Policy.Decisions.Fleet;
using EnvPlatform.Policy.Documents;

using FsCheck;
using FsCheck.Fluent;

namespace EnvPlatform.Policy.Tests.Decisions;

/// <summary>What is decided on a fleet is what the evaluator decides on each of its environments.</summary>
public sealed class FleetEngineTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly string[] Conditions =
    [
        "cvss: '>= 7'", "severity: '>= high'", "epss: '> 0.5'", "known_exploited: true", "status: [active, reported]", "status: cleared",
        "vulnerability: CVE-1", "age: '> 30d'", "age: '<= 2d'", "fix_available: true", "package: 'o*'", "package: openssl <3",
        "channel: not_granted", "channel: main", "license: GPL-*", "manager: pypi", "coverage: not_checked", "platform: linux-64",
        "name: 'p*'", "owner: ada", "group: ops", "machine: m1", "log_age: '>= 30d'", "log_age: '< 2d'",
    ];

    private static readonly string[] Effects =
    [
        "then: warn", "then: block", "then: block\n    grace: 14d", "then: block\n    grace: 3d", "then: block\n    grace: 0d",
        "then: block\n    grace: 20d\n    message: '{policy} {environment}: {cve} in {package}, {fix}, by {deadline}'",
        "then: block\n    grace: 20d\n    grace_from: published", "then: block\n    grace: 20d\n    grace_from: fix_available",
    ];

    /// <summary>Everything of a fleet is drawn from one number, so that a failure is found again.</summary>
    [Test]
    public void A_fleet_is_decided_as_each_of_its_environments() =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000), Prop.ForAll(
            Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed =>
            {
                var facts = Fleet(new Random(seed));
                var engine = new FleetEngine(facts, Now);
                foreach (var environment in facts.Environments)
                {
                    var (one, other) = (engine.Decide(environment), Explanation.Of(facts, environment, Now));
                    var (mine, its) = (Text(one), Text(other));
                    if (mine != its)
                    {
                        throw new InvalidOperationException($"Seed {seed}, environment {environment.Id}:\n{mine}\n{its}");
                    }
                }
            }));

    [Test]
    public void Most_samples_say_something()
    {
        var decisions = Enumerable.Range(0, 300).SelectMany(seed =>
        {
            var facts = Fleet(new Random(seed));
            var engine = new FleetEngine(facts, Now);
            return facts.Environments.Select(engine.Decide);
        }).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(decisions.Count(one => one.Status == EnvironmentStatus.Block), Is.GreaterThan(decisions.Length / 20));
            Assert.That(decisions.Count(one => one.Top is { Deadline: not null }), Is.GreaterThan(decisions.Length / 100));
            Assert.That(decisions.Count(one => one.NextAt is not null), Is.GreaterThan(decisions.Length / 20));
        });
    }

    private static string Text(FleetDecision decision) => string.Join(
        "\n",
        decision.Verdicts.Where(verdict => verdict.Status is not null)
            .Select(verdict =>
                $"{verdict.Rule.Policy.Document.Name}/{verdict.Rule.Rule.Name} {verdict.Status} {verdict.Deadline:O} {verdict.IsUnknown} "
                + verdict.MessageFor(decision.Environment))
            .Order(StringComparer.Ordinal)
            .Append($"{decision.Status} {decision.NextAt:O} {decision.Top?.Rule.Policy.Document.Name}/{decision.Top?.Rule.Rule.Name}"));

    private static string Text(Decision decision) => string.Join(
        "\n",
        decision.Reasons.Concat(decision.Observed)
            .Select(reason =>
                $"{reason.Rule.Policy}/{reason.Rule.Rule} {reason.Status} {reason.Deadline:O} {reason.Unknown.Count > 0} {reason.Message}")
            .Order(StringComparer.Ordinal)
            .Append(
                $"{decision.Status} {decision.NextAt:O} {(decision.Reasons is [var top, ..] ? top.Rule.Policy : "")}/"
                + (decision.Reasons is [var first, ..] ? first.Rule.Rule : "")));

    private static FleetFacts Fleet(Random random)
    {
        var groups = new[] { NewId(random), NewId(random) };
        var packages = Enumerable.Range(0, random.Next(1, 7)).Select(index => Package(random, index)).ToArray();
        var sets = Enumerable.Range(1, random.Next(1, 5)).Select(id =>
        {
            var held = packages.Where(_ => random.Next(2) == 0).ToArray();
            return new FleetSet(id, held, Now, random.Next(3) > 0 ? null : held.SelectMany(package => package.Facts.Findings.Select(
                finding => (package.Id, finding.Id))).Where(_ => random.Next(2) == 0).Distinct().ToDictionary(
                key => key, _ => Pick(random, "active", "cleared", "not_affected", "disputed")));
        }).ToArray();
        var owners = Enumerable.Range(0, 3).Select(_ => Owner(random, groups)).ToArray();
        var policies = Enumerable.Range(0, random.Next(1, 4)).Select(index => new FleetPolicy(
            NewId(random),
            new(
                $"p{index}", null, random.Next(6) > 0, random.Next(5) == 0,
                [.. Enumerable.Range(0, random.Next(1, 4)).Select(number => Rule(random, number))]),
            [
                random.Next(4) switch
                {
                    0 => new("group", groups[0]),
                    1 => new("user", owners[0].Id ?? NewId(random)),
                    _ => new("organization", NewId(random)),
                },
            ]))
            .ToArray();
        var environments = Enumerable.Range(0, random.Next(1, 9)).Select(_ => Environment(random, sets, owners, policies)).ToArray();
        var exceptions = Enumerable.Range(0, random.Next(0, 3)).Select(_ =>
        {
            var (vulnerability, package, policy) = (
                random.Next(2) == 0 ? "CVE-1" : null, random.Next(3) == 0 ? Conda.MatchSpec.ParsePattern("openssl <3") : null,
                random.Next(3) == 0 ? "p0" : null);
            var (type, id) = random.Next(3) switch
            {
                0 => ("organization", NewId(random)),
                1 => ("group", groups[0]),
                _ => ("environment", environments[0].Id.Value),
            };
            return new FleetException(type, id, new(
                NewId(random), vulnerability ?? (package is null && policy is null ? "CVE-2" : null), package, policy,
                Now.AddDays(random.Next(-5, 20))));
        }).ToArray();
        return new(environments, policies, exceptions, new Dictionary<string, FleetChannel>
        {
            ["main"] = new(random.Next(2) == 0, Pick<bool?>(random, null, true, false), new HashSet<Guid> { groups[0] }),
            ["conda-forge"] = new(false, null, new HashSet<Guid> { groups[1] }),
        });
    }

    private static FleetEnvironment Environment(Random random, FleetSet[] sets, FleetOwner[] owners, FleetPolicy[] policies)
    {
        var set = random.Next(6) == 0 ? null : Pick(random, sets);
        var since = Time(random);
        return new()
        {
            Id = new(NewId(random)),
            Owner = Pick(random, owners),
            Machine = Pick(random, null, new[] { "m1" }, []),
            Name = Pick(random, null, "prod", "dev"),
            Platform = Pick(random, null, "linux-64", "win-64"),
            LoggedAt = Time(random),
            Set = set,
            SetSince = since,
            AwaitedUntil = set is null && random.Next(2) == 0 ? Now.AddMinutes(random.Next(-2, 2)) : null,
            Clocks = set is not null && random.Next(2) == 0
                ? Clocks.Carry(
                    null, Pick(random, sets), Time(random), set, since, new HashSet<Subject> { Subject.Finding, Subject.Package }, Now)
                : null,
            Holds = random.Next(2) == 0 ? null : policies.SelectMany(policy => policy.Document.Rules.Select(
                rule => FleetEnvironment.HoldKey(policy, rule))).ToDictionary(key => key, _ => Now.AddDays(-random.Next(0, 20))),
            Manual = null,
        };
    }

    private static FleetOwner Owner(Random random, Guid[] groups) => random.Next(5) switch
    {
        0 => new(NewId(random), null, null, null),
        1 => new(NewId(random), ["ada"], ["ops"], new HashSet<Guid> { groups[0] }),
        2 => new(NewId(random), ["ada"], ["ops", "dev"], groups.ToHashSet()),
        _ => new(NewId(random), ["bob"], [], new HashSet<Guid>()),
    };

    private static FleetPackage Package(Random random, int index) => new(index + 10, index, new(
        Pick(random, "openssl", "numpy"), Pick(random, null, "1.1.1k", "3.0"), "h0",
        Pick(random, null, "main", "conda-forge", "", "other"), null,
        Pick(random, null, "MIT", "GPL-3.0-only"), Pick(random, "conda", "pypi"), Pick(random, null, "checked", "not_checked"), null,
        [.. Enumerable.Range(1, random.Next(0, 4)).Select(number => new FindingFacts(
            $"CVE-{number}", [], Pick<decimal?>(random, null, 1m, 7m, 9.8m), Pick<Severity?>(random, null, Severity.Low, Severity.Critical),
            Pick<decimal?>(random, null, 0.1m, 0.9m), Pick<bool?>(random, null, true, false), "reported", Time(random),
            Pick<bool?>(random, null, true, false), Pick(random, null, "x 2", "x 3"), Time(random), Time(random) ?? Now))]));

    private static PolicyRule Rule(Random random, int number)
    {
        var when = Enumerable.Range(0, random.Next(1, 4))
            .Select(_ => (random.Next(4) == 0 ? ConditionKind.Not : "") + Pick(random, Conditions))
            .DistinctBy(one => one.Replace(ConditionKind.Not, "", StringComparison.Ordinal).Split(':')[0]).ToList();
        var effect = Pick(random, Effects);
        if (effect.Contains("grace_from", StringComparison.Ordinal))
        {
            when.RemoveAll(one => one.Contains("vulnerability", StringComparison.Ordinal));
            when.Add("vulnerability: [CVE-1, CVE-2]");
        }

        var (document, errors) = PolicyParser.Parse(
            $"name: p\nrules:\n  - name: r{number}\n    when:\n      {string.Join("\n      ", when)}\n    {effect}\n");
        return document?.Rules[0] ?? throw new InvalidOperationException(string.Join("\n", errors));
    }

    private static DateTimeOffset? Time(Random random) => random.Next(6) == 0 ? null : Now.AddDays(-random.Next(0, 40));

    private static T Pick<T>(Random random, params T[] some) => some[random.Next(some.Length)];

    private static Guid NewId(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new(bytes);
    }
}
