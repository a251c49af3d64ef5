using EnvPlatform.Contracts;
using EnvPlatform.Policy.Decisions;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Tests.Decisions;

/// <summary>What a policy decides of an environment, by facts alone.</summary>
public sealed class EvaluatorTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly FindingFacts Kev = new(
        "CVE-2026-1", ["GHSA-1"], 9.8m, Severity.Critical, 0.9m, true, "active", Now.AddDays(-60), true, "openssl 3.0.15",
        Now.AddDays(-20), Now.AddDays(-10));

    private static readonly PackageFacts OpenSsl = new(
        "openssl", "3.0.1", "h0_1", "conda-forge", true, "Apache-2.0", "conda", "checked", Now.AddDays(-10), [Kev]);

    private static readonly EnvironmentFacts Facts = new(
        "prod-web", "linux-64", ["ada@example.org"], ["science"], ["lab-1"], Now.AddDays(-3), [OpenSsl],
        new Dictionary<RuleKey, DateTimeOffset>());

    [Test]
    public void Grace_warns_until_its_deadline_and_then_blocks()
    {
        var policy = Policy(
            "known_exploited: true", "then: block\n    grace: 14d\n    message: 'Until {deadline}: {fix} ({cve}, {policy})'");
        var within = Decide(policy);
        Assert.That(within.Status, Is.EqualTo(EnvironmentStatus.Warn));
        var reason = within.Reasons.Single();
        Assert.That(reason.Deadline, Is.EqualTo(Now.AddDays(4)));
        Assert.That(reason.Message, Is.EqualTo("Until 2026-06-05 12:00 UTC: openssl 3.0.15 (CVE-2026-1, p)"));
        Assert.That(within.NextAt, Is.EqualTo(Now.AddDays(4)));
        Assert.That(reason.Matches.Single(), Is.EqualTo(reason.Matches.Single() with
        {
            Vulnerability = "CVE-2026-1",
            Package = "openssl",
            Version = "3.0.1",
            Fix = "openssl 3.0.15",
            Since = Now.AddDays(-10),
        }));

        var over = Evaluator.Decide([policy], Facts, null, Now.AddDays(4));
        Assert.That(over.Status, Is.EqualTo(EnvironmentStatus.Block));
        Assert.That(over.Reasons.Single().Message, Does.StartWith("Until now"));
        Assert.That(Evaluator.Decide([policy], Facts, null, Now.AddDays(4).AddTicks(-1)).Status, Is.EqualTo(EnvironmentStatus.Warn));
    }

    [TestCase("found", 4)]
    [TestCase("published", -46)]
    [TestCase("fix_available", -6)]
    public void Grace_is_counted_from_what_the_rule_says(string from, int days) =>
        Assert.That(
            Decide(Policy("known_exploited: true", $"then: block\n    grace: 14d\n    grace_from: {from}"))
                .Reasons.Single().Matches.Single().Deadline,
            Is.EqualTo(Now.AddDays(days)));

    [TestCase("cvss: '>= 9.8'", true)]
    [TestCase("cvss: '> 9.8'", false)]
    [TestCase("cvss: ['< 1', '== 9.8']", true)]
    [TestCase("severity: critical", true)]
    [TestCase("severity: '< critical'", false)]
    [TestCase("epss: '>= 0.2'", true)]
    [TestCase("known_exploited: false", false)]
    [TestCase("not_known_exploited: true", false)]
    [TestCase("vulnerability: ghsa-1", true)]
    [TestCase("vulnerability: CVE-2026-2", false)]
    [TestCase("age: '> 30d'", true)]
    [TestCase("age: '> 60d'", false)]
    [TestCase("age: '>= 60d'", true)]
    [TestCase("fix_available: true", true)]
    [TestCase("package: openssl <3.0", false)]
    [TestCase("package: openssl <3.0.2", true)]
    [TestCase("package: 'open*'", true)]
    [TestCase("package: conda-forge::openssl", true)]
    [TestCase("package: main::openssl", false)]
    [TestCase("package: openssl 3.* h0*", true)]
    [TestCase("package: openssl 3.* h1*", false)]
    [TestCase("channel: conda-forge", true)]
    [TestCase("channel: not_granted", false)]
    [TestCase("license: Apache-*", true)]
    [TestCase("license: [MIT, Apache-2.0]", true)]
    [TestCase("not_license: Apache-2.0", false)]
    [TestCase("manager: pypi", false)]
    [TestCase("coverage: not_checked", false)]
    [TestCase("platform: [osx-64, linux-64]", true)]
    [TestCase("name: prod-*", true)]
    [TestCase("not_name: prod-*", false)]
    [TestCase("owner: ADA@example.org", true)]
    [TestCase("group: ops", false)]
    [TestCase("machine: lab-1", true)]
    [TestCase("log_age: '> 1d'", true)]
    [TestCase("log_age: '> 7d'", false)]
    public void A_condition_holds_or_not(string when, bool holds) =>
        Assert.That(Decide(Policy(when)).Status, Is.EqualTo(holds ? EnvironmentStatus.Block : EnvironmentStatus.Ok));

    [TestCase("MIT OR GPL-3.0-only", "GPL-*", true)]
    [TestCase("(MIT AND BSD-3-Clause)", "BSD-3-Clause", true)]
    [TestCase("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only", true)]
    [TestCase("Apache-1.0+", "Apache-1.0", true)]
    [TestCase("GPL-2.0-only", "GPL-2.0", true)]
    [TestCase("MIT", "GPL-*", false)]
    [TestCase("MIT AND LicenseRef-other", "GPL-*", null)]
    [TestCase(null, "GPL-*", null)]
    public void A_licence_is_looked_for_in_the_whole_expression(string? expression, string license, bool? holds)
    {
        var decision = Evaluator.Decide(
            [Policy($"license: {license}")], Facts with { Packages = [OpenSsl with { License = expression }] }, null, Now);
        Assert.That(decision.Status, Is.EqualTo(holds switch
        {
            true => EnvironmentStatus.Block,
            false => EnvironmentStatus.Ok,
            null => EnvironmentStatus.Warn,
        }));
    }

    /// <summary>Two conditions of two findings are none of one finding.</summary>
    [Test]
    public void All_conditions_hold_for_one_and_the_same_finding()
    {
        var facts = Facts with
        {
            Packages = [OpenSsl with { Findings = [Kev with { IsKnownExploited = false }, Kev with { Id = "CVE-2026-2", Cvss = 2m }] }],
        };
        Assert.That(
            Evaluator.Decide([Policy("known_exploited: true\n      cvss: '>= 9'")], facts, null, Now).Status,
            Is.EqualTo(EnvironmentStatus.Ok));
    }

    [Test]
    public void A_settled_finding_never_matches_unless_its_status_is_named(
        [Values("mitigated", "cleared", "disputed")] string status)
    {
        var facts = Facts with { Packages = [OpenSsl with { Findings = [Kev with { Status = status }] }] };
        Assert.That(Evaluator.Decide([Policy("known_exploited: true")], facts, null, Now).Status, Is.EqualTo(EnvironmentStatus.Ok));
        Assert.That(Evaluator.Decide([Policy("not_status: active")], facts, null, Now).Status, Is.EqualTo(EnvironmentStatus.Ok));
        Assert.That(Evaluator.Decide([Policy($"status: {status}")], facts, null, Now).Status, Is.EqualTo(EnvironmentStatus.Block));
    }

    /// <summary>What is not known warns, inverted or not, blocks never, and is told.</summary>
    [TestCase("cvss: '>= 7'", "CVSS score")]
    [TestCase("severity: '>= high'", "how severe")]
    [TestCase("epss: '>= 0.5'", "EPSS")]
    [TestCase("known_exploited: true", "exploited")]
    [TestCase("age: '> 1d'", "published")]
    [TestCase("fix_available: true", "a fix")]
    [TestCase("package: openssl <3", "version")]
    [TestCase("channel: conda-forge", "channel")]
    [TestCase("channel: not_granted", "granted")]
    [TestCase("license: MIT", "licence")]
    [TestCase("manager: pypi", "installed")]
    [TestCase("coverage: not_checked", "checked")]
    [TestCase("platform: linux-64", "platform")]
    [TestCase("name: x", "called")]
    [TestCase("owner: ada", "belongs")]
    [TestCase("group: ops", "groups")]
    [TestCase("machine: lab-1", "machine")]
    [TestCase("log_age: '> 1d'", "logged")]
    public void An_unknown_fact_is_no_no(string when, string told)
    {
        var finding = new FindingFacts("CVE-1", [], null, null, null, null, "active", null, null, null, null, null);
        var package = new PackageFacts("openssl", null, null, null, null, null, null, null, null, [finding]);
        var facts = new EnvironmentFacts(
            null, null, null, null, null, null, [package], new Dictionary<RuleKey, DateTimeOffset>());
        foreach (var condition in new[] { when, ConditionKind.Not + when })
        {
            var decision = Evaluator.Decide([Policy(condition)], facts, null, Now);
            Assert.That(decision.Status, Is.EqualTo(EnvironmentStatus.Warn), condition);
            Assert.That(decision.Reasons.Single().Unknown.Single(), Does.Contain(told));
        }
    }

    [Test]
    public void What_rules_it_out_is_stronger_than_what_is_not_known()
    {
        var facts = Facts with { Packages = [OpenSsl with { Findings = [Kev with { IsKnownExploited = null }] }] };
        Assert.That(
            Evaluator.Decide([Policy("known_exploited: true\n      cvss: '< 1'")], facts, null, Now).Status,
            Is.EqualTo(EnvironmentStatus.Ok));
    }

    [Test]
    public void Packages_that_were_not_scanned_are_told_unless_the_environment_is_not_meant()
    {
        var facts = Facts with { Packages = null };
        var decision = Evaluator.Decide([Policy("known_exploited: true")], facts, null, Now);
        Assert.That(decision.Status, Is.EqualTo(EnvironmentStatus.Warn));
        Assert.That(decision.Reasons.Single().Unknown.Single(), Does.Contain("not been scanned"));
        Assert.That(
            Evaluator.Decide([Policy("known_exploited: true\n      name: dev-*")], facts, null, Now).Status,
            Is.EqualTo(EnvironmentStatus.Ok));
    }

    [Test]
    public void A_grace_whose_beginning_is_not_known_warns_and_says_so()
    {
        var finding = Kev with { PublishedAt = null, FixedAt = null, HasFix = false };
        var facts = Facts with { Packages = [OpenSsl with { Findings = [finding] }] };
        var published = Evaluator.Decide(
            [Policy("known_exploited: true", "then: block\n    grace: 1d\n    grace_from: published")], facts, null, Now);
        Assert.That(published.Status, Is.EqualTo(EnvironmentStatus.Warn));
        Assert.That(published.Reasons.Single().Unknown.Single(), Does.Contain("grace"));
        // There is no fix: the grace has not begun, which is known.
        var unfixed = Evaluator.Decide(
            [Policy("known_exploited: true", "then: block\n    grace: 1d\n    grace_from: fix_available")], facts, null, Now);
        Assert.That(unfixed.Status, Is.EqualTo(EnvironmentStatus.Warn));
        Assert.That(unfixed.Reasons.Single().Unknown, Is.Empty);
    }

    [Test]
    public void A_manual_status_wins_and_the_reasons_stay()
    {
        foreach (var manual in Enum.GetValues<EnvironmentStatus>())
        {
            var decision = Evaluator.Decide([Policy("known_exploited: true")], Facts, manual, Now);
            Assert.That(decision.Status, Is.EqualTo(manual));
            Assert.That(decision.IsManual, Is.True);
            Assert.That(decision.Reasons, Has.Count.EqualTo(1));
        }
    }

    [Test]
    public void An_observing_policy_changes_nothing_and_a_disabled_one_says_nothing()
    {
        var observed = Decide(Policy("known_exploited: true") with { IsObserved = true });
        Assert.That(observed.Status, Is.EqualTo(EnvironmentStatus.Ok));
        Assert.That(observed.Reasons, Is.Empty);
        Assert.That(observed.Observed.Single().Status, Is.EqualTo(EnvironmentStatus.Block));
        var disabled = Decide(Policy("known_exploited: true") with { IsEnabled = false });
        Assert.That(disabled.Reasons.Concat(disabled.Observed), Is.Empty);
    }

    [Test]
    public void A_rule_about_the_environment_counts_its_grace_from_when_it_began_to_hold()
    {
        var policy = Policy("log_age: '> 1d'", "then: block\n    grace: 7d");
        Assert.That(Decide(policy).Reasons.Single().Deadline, Is.EqualTo(Now.AddDays(7)));
        var held = Facts with { HoldsSince = new Dictionary<RuleKey, DateTimeOffset> { [new("p", "r")] = Now.AddDays(-7) } };
        Assert.That(Evaluator.Decide([policy], held, null, Now).Status, Is.EqualTo(EnvironmentStatus.Block));
    }

    [Test]
    public void A_deadline_after_the_end_of_time_is_the_end_of_time()
    {
        var facts = Facts with { Packages = [OpenSsl with { Findings = [Kev with { FoundAt = DateTimeOffset.MaxValue }] }] };
        Assert.That(
            Evaluator.Decide([Policy("known_exploited: true", "then: block\n    grace: 9999w")], facts, null, Now)
                .Reasons.Single().Deadline,
            Is.EqualTo(DateTimeOffset.MaxValue));
    }

    [Test]
    public void What_nobody_checks_is_counted() =>
        Assert.That(
            Evaluator.Decide([], Facts with { Packages = [OpenSsl, OpenSsl with { Coverage = "not_checked" }] }, null, Now).NotChecked,
            Is.EqualTo(1));

    private static Decision Decide(PolicyDocument policy) => Evaluator.Decide([policy], Facts, null, Now);

    private static PolicyDocument Policy(string when, string then = "then: block")
    {
        var (document, errors) = PolicyParser.Parse($"name: p\nrules:\n  - name: r\n    when:\n      {when}\n    {then}\n");
        Assert.That(errors, Is.Empty);
        return document!;
    }
}
