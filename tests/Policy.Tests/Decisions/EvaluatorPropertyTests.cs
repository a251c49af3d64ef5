using EnvPlatform.Contracts;
using EnvPlatform.Policy.Decisions;
using EnvPlatform.Policy.Documents;

using FsCheck;
using FsCheck.Fluent;

namespace EnvPlatform.Policy.Tests.Decisions;

/// <summary>What holds for every policy and every environment.</summary>
public sealed class EvaluatorPropertyTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly string[] Conditions =
    [
        "cvss: '>= 7'", "cvss: ['< 2', '== 9.8']", "severity: '>= high'", "severity: low", "epss: '> 0.5'", "known_exploited: true",
        "status: [active, disputed]", "vulnerability: CVE-1", "age: '> 30d'", "age: '<= 2d'", "fix_available: true", "package: 'o*'",
        "package: openssl <3", "channel: not_granted", "channel: main", "license: GPL-*", "manager: pypi", "coverage: not_checked",
        "platform: linux-64", "name: 'p*'", "owner: ada", "group: ops", "machine: m1", "log_age: '>= 30d'",
    ];

    private static readonly Gen<PolicyRule> Rules =
        from first in Gen.Elements(Conditions)
        from second in Gen.Elements(Conditions)
        from third in Gen.Elements(Conditions)
        from number in Gen.Choose(1, 3)
        from inverted in Gen.Elements(true, false).ArrayOf(3)
        from then in Gen.Elements("then: warn", "then: block", "then: block\n    grace: 14d", "then: block\n    grace: 3d")
        from name in Gen.Choose(0, 1_000_000)
        let when = new[] { first, second, third }.Take(number).Select((one, i) => inverted[i] ? ConditionKind.Not + one : one)
            .DistinctBy(one => one.Split(':')[0])
        select Rule($"r{name}", string.Join("\n      ", when), then);

    private static readonly Gen<DateTimeOffset?> Times =
        from days in Gen.Choose(0, 60) from known in Gen.Choose(0, 4) select known == 0 ? (DateTimeOffset?)null : Now.AddDays(-days);

    private static readonly Gen<bool?> Flags = Gen.Elements<bool?>(true, false, null);

    private static readonly Gen<FindingFacts> Findings =
        from id in Gen.Elements("CVE-1", "CVE-2", "CVE-3")
        from cvss in Gen.Elements<decimal?>(null, 1m, 5m, 7m, 9.8m)
        from severity in Gen.Elements<Severity?>(null, Severity.Low, Severity.High, Severity.Critical)
        from epss in Gen.Elements<decimal?>(null, 0.1m, 0.9m)
        from exploited in Flags
        from status in Gen.Elements("active", "reported", "cleared", "disputed")
        from published in Times
        from fixable in Flags
        from since in Times
        from found in Times
        select new FindingFacts(
            id, [], cvss, severity, epss, exploited, status, published, fixable, fixable == true ? "x 2" : null, since, found);

    private static readonly Gen<PackageFacts> Packages =
        from name in Gen.Elements("openssl", "numpy")
        from version in Gen.Elements(null, "1.1.1k", "3.0")
        from channel in Gen.Elements(null, "main", "conda-forge", "")
        from granted in Flags
        from license in Gen.Elements(null, "MIT", "GPL-3.0-only", "MIT OR LicenseRef-x")
        from manager in Gen.Elements("conda", "pypi")
        from coverage in Gen.Elements(null, "checked", "not_checked")
        from seen in Times
        from number in Gen.Choose(0, 3)
        from findings in Findings.ListOf(number)
        select new PackageFacts(name, version, "h0", channel, granted, license, manager, coverage, seen, [.. findings]);

    private static readonly Gen<EnvironmentFacts> Environments =
        from name in Gen.Elements(null, "prod", "dev")
        from platform in Gen.Elements(null, "linux-64", "win-64")
        from owner in Gen.Elements<string[]?>(null, ["ada"], [])
        from groups in Gen.Elements<string[]?>(null, ["ops"], [])
        from logged in Times
        from isScanned in Gen.Choose(0, 9)
        from number in Gen.Choose(0, 3)
        from packages in Packages.ListOf(number)
        select new EnvironmentFacts(
            name, platform, owner, groups, null, logged, isScanned == 0 ? null : [.. packages], new Dictionary<RuleKey, DateTimeOffset>());

    private static readonly Gen<PolicyRule[]> SomeRules =
        from number in Gen.Choose(0, 5) from rules in Rules.ListOf(number) select rules.ToArray();

    [Test]
    public void More_rules_never_make_a_status_milder() =>
        Check(from facts in Environments from rules in SomeRules from more in Rules select (facts, rules, more), sample =>
            Decide(sample.facts, [.. sample.rules, sample.more]).Status >= Decide(sample.facts, sample.rules).Status);

    [Test]
    public void The_order_of_rules_policies_packages_and_findings_never_matters() =>
        Check(from facts in Environments from rules in SomeRules from seed in Gen.Choose(0, 1_000) select (facts, rules, seed), sample =>
        {
            var random = new Random(sample.seed);
            T[] Shuffled<T>(IEnumerable<T> items)
            {
                var shuffled = items.ToArray();
                random.Shuffle(shuffled);
                return shuffled;
            }

            var facts = sample.facts with
            {
                Packages = sample.facts.Packages is { } packages
                    ? Shuffled(packages.Select(package => package with { Findings = Shuffled(package.Findings) })) : null,
            };
            var (one, other) = (Decide(sample.facts, sample.rules), Decide(facts, Shuffled(sample.rules)));
            // Rules of policies of their own decide the same as those of one.
            var apart = Evaluator.Decide(
                Shuffled(sample.rules).Select(rule => new PolicyDocument("p", null, true, false, [rule])), facts, null, Now);
            return Same(one, other) && Same(one, apart);
        });

    [Test]
    public void Inverting_twice_is_the_same_and_once_the_opposite() =>
        Check(from facts in Environments from rule in Rules select (facts, rule), sample =>
        {
            foreach (var package in sample.facts.Packages ?? [])
            {
                foreach (var finding in package.Findings)
                {
                    foreach (var condition in sample.rule.When)
                    {
                        var inverted = condition with { IsInverted = !condition.IsInverted };
                        var answer = Of(condition);
                        if (Of(inverted with { IsInverted = !inverted.IsInverted }) != answer || Of(inverted).Not() != answer
                            || (answer == Answer.Unknown) != (Of(inverted) == Answer.Unknown))
                        {
                            return false;
                        }
                    }

                    Answer Of(Condition condition) =>
                        Policy.Decisions.Conditions.Evaluate(condition, sample.facts, package, finding, Now);
                }
            }

            return true;
        });

    /// <summary>Without any of its findings, no rule about findings has anything to say: what leaves lifts.</summary>
    [Test]
    public void A_finding_that_leaves_lifts() =>
        Check(from facts in Environments from rules in SomeRules where facts.Packages is not null select (facts, rules), sample =>
        {
            var findings = sample.rules.Where(rule => rule.Subject == Subject.Finding).ToArray();
            var before = Decide(sample.facts, findings);
            var gone = before.Reasons.SelectMany(reason => reason.Matches).Select(match => match.Vulnerability).ToHashSet();
            var facts = sample.facts with
            {
                Packages = [.. sample.facts.Packages!.Select(package =>
                    package with { Findings = [.. package.Findings.Where(finding => !gone.Contains(finding.Id))] })],
            };
            return Decide(facts, findings).Status == EnvironmentStatus.Ok;
        });

    /// <summary>Nothing that is not known becomes a block or passes as "no": whatever it turns out to be, the status was told.</summary>
    [Test]
    public void What_is_not_known_is_never_taken_for_no() =>
        Check(from facts in Environments from rules in SomeRules where facts.Packages is not null select (facts, rules), sample =>
        {
            var decided = Decide(sample.facts, sample.rules).Status;
            return new[] { true, false }.All(exploited => new[] { 0m, 10m }.All(cvss =>
            {
                var known = sample.facts with
                {
                    Packages = [.. sample.facts.Packages!.Select(package => package with
                    {
                        Findings = [.. package.Findings.Select(finding => finding with
                        {
                            IsKnownExploited = finding.IsKnownExploited ?? exploited, Cvss = finding.Cvss ?? cvss,
                        })],
                    })],
                };
                return decided != EnvironmentStatus.Ok || Decide(known, sample.rules).Status == EnvironmentStatus.Ok;
            }));
        });

    /// <summary>Nothing changes by itself before the moment that the decision names.</summary>
    [Test]
    public void A_decision_holds_until_it_says() =>
        Check(from facts in Environments from rules in SomeRules from part in Gen.Choose(1, 100) select (facts, rules, part), sample =>
        {
            var decision = Decide(sample.facts, sample.rules);
            var until = decision.NextAt ?? Now.AddDays(1_000);
            var later = Now + ((until - Now) * (sample.part / 100.0)) - TimeSpan.FromTicks(1);
            return Evaluator.Decide([Of(sample.rules)], Held(sample.facts, sample.rules), null, later < Now ? Now : later).Status
                == decision.Status;
        });

    // As the memory of a service would have it.
    private static EnvironmentFacts Held(EnvironmentFacts facts, PolicyRule[] rules) => facts with
    {
        HoldsSince = Decide(facts, rules).Reasons.DistinctBy(reason => reason.Rule).ToDictionary(reason => reason.Rule, _ => Now),
    };

    private static bool Same(Decision one, Decision other) =>
        one.Status == other.Status && one.NextAt == other.NextAt && Text(one).SequenceEqual(Text(other), StringComparer.Ordinal);

    private static IEnumerable<string> Text(Decision decision) => decision.Reasons
        .Select(reason => $"{reason.Rule} {reason.Status} {reason.Deadline} {reason.Message} {string.Join(";", reason.Unknown.Order())} "
            + string.Join(";", reason.Matches
                .Select(match => $"{match.Vulnerability} {match.Package} {match.Deadline} {match.Status}").Order()))
        .Order();

    private static Decision Decide(EnvironmentFacts facts, PolicyRule[] rules) => Evaluator.Decide([Of(rules)], facts, null, Now);

    private static PolicyDocument Of(PolicyRule[] rules) => new("p", null, true, false, rules);

    private static PolicyRule Rule(string name, string when, string then)
    {
        var (document, errors) = PolicyParser.Parse($"name: p\nrules:\n  - name: {name}\n    when:\n      {when}\n    {then}\n");
        return document?.Rules[0] ?? throw new InvalidOperationException(string.Join("\n", errors));
    }

    private static void Check<T>(Gen<T> samples, Func<T, bool> holds) =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(samples.ToArbitrary(), holds));
}
