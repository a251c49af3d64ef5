using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Tests.Documents;

/// <summary>What is no policy document is refused with the field, what was found and what is allowed.</summary>
public sealed class PolicyParserTests
{
    private const string Kev =
        """
        name: known-exploited            # unique
        description: Fix what is being exploited.
        enabled: true
        mode: enforce
        rules:
          - name: kev
            when:
              known_exploited: true
              status: [active, reported]
            then: block
            grace: 14d
            grace_from: found
            message: "Update it before {deadline}: {fix}"
        """;

    private const string Bare = "name: p\nrules:\n  - name: r\n    when: { ~ }\n    then: block\n";

    [Test]
    public void A_document_is_read()
    {
        var policy = Valid(Kev);
        Assert.That(policy.Name, Is.EqualTo("known-exploited"));
        Assert.That(policy.IsEnabled, Is.True);
        Assert.That(policy.IsObserved, Is.False);
        var rule = policy.Rules.Single();
        Assert.That(rule.Then, Is.EqualTo(Effect.Block));
        Assert.That(rule.Grace!.Value.Span, Is.EqualTo(TimeSpan.FromDays(14)));
        Assert.That(rule.Subject, Is.EqualTo(Subject.Finding));
        Assert.That(rule.When.Select(one => one.Name), Is.EqualTo(new[] { "known_exploited", "status" }));
    }

    [Test]
    public void The_canonical_form_is_one_and_is_read_to_the_same()
    {
        const string Expected =
            """
            {"name":"known-exploited","description":"Fix what is being exploited.","enabled":true,"mode":"enforce","rules":[{"name":"kev",
            "when":{"known_exploited":true,"status":["active","reported"]},"then":"block","grace":"14d","grace_from":"found",
            "message":"Update it before {deadline}: {fix}"}]}
            """;
        var json = CanonicalForm.ToJson(Valid(Kev));
        Assert.That(json, Is.EqualTo(Expected.ReplaceLineEndings("")));
        Assert.That(CanonicalForm.ToJson(Valid(json)), Is.EqualTo(json));
        Assert.That(CanonicalForm.ToJson(Valid(CanonicalForm.ToYaml(Valid(json)))), Is.EqualTo(json));
        // Another order, spacing and lists of one: the same document.
        Assert.That(CanonicalForm.ToJson(Valid(When("cvss: ['>=7.0']\n      severity: '==high'"))),
            Is.EqualTo(CanonicalForm.ToJson(Valid(When("severity: high\n      cvss: '>= 7'")))));
    }

    [TestCase("cvss: 7", "/rules/0/when/cvss", "the number 7", ">= 7")]
    [TestCase("cvss: '>= 11'", "/rules/0/when/cvss", "\">= 11\"", "from 0 to 10")]
    [TestCase("cvss: ['>= 7', 'x']", "/rules/0/when/cvss/1", "\"x\"", "from 0 to 10")]
    [TestCase("cvs: '>= 7'", "/rules/0/when/cvs", "\"cvs\"", "cvss")]
    [TestCase("not_not_cvss: '>= 7'", "/rules/0/when/not_not_cvss", "\"not_not_cvss\"", "not_")]
    [TestCase("epss: '>= 1.5'", "/rules/0/when/epss", "\">= 1.5\"", "from 0 to 1")]
    [TestCase("severity: high!", "/rules/0/when/severity", "\"high!\"", "critical")]
    [TestCase("known_exploited: 'true'", "/rules/0/when/known_exploited", "\"true\"", "true or false")]
    [TestCase("known_exploited: yes", "/rules/0/when/known_exploited", "\"yes\"", "true or false")]
    [TestCase("known_exploited: ", "/rules/0/when/known_exploited", "nothing", "true or false")]
    [TestCase("status: open", "/rules/0/when/status", "\"open\"", "active, reported, mitigated, cleared, disputed")]
    [TestCase("age: '= 30d'", "/rules/0/when/age", "\"= 30d\"", "30d")]
    [TestCase("package: 'openssl <'", "/rules/0/when/package", "\"openssl <\"", "openssl <3.0")]
    [TestCase("package: 'openssl[build=1]'", "/rules/0/when/package", "\"openssl[build=1]\"", "without brackets")]
    [TestCase("license: MITT", "/rules/0/when/license", "\"MITT\"", "SPDX")]
    [TestCase("license: XYZ-*", "/rules/0/when/license", "\"XYZ-*\"", "GPL-*")]
    [TestCase("platform: linux64", "/rules/0/when/platform", "\"linux64\"", "linux-64")]
    [TestCase("owner: []", "/rules/0/when/owner", "a list of 0", "1 to 100")]
    [TestCase("owner: {a: b}", "/rules/0/when/owner", "a mapping", "one line of text")]
    [TestCase("owner: \"a\\e[31m\"", "/rules/0/when/owner", "\"a\uFFFD[31m\"", "one line of text")]
    [TestCase("name: \"prod\\n\"", "/rules/0/when/name", "\"prod\uFFFD\"", "one line of text")]
    [TestCase("a/b~c: 1", "/rules/0/when/a~1b~0c", "\"a/b~c\"", "cvss")]
    [TestCase("cvss: '> 1'\n      cvss: '> 2'", "/rules/0/when/cvss", "the same key a second time", "each key once")]
    [TestCase("owner: &a x", "/rules/0/when/owner", "an anchor or alias", "where it belongs")]
    [TestCase("owner: !!str x", "/rules/0/when/owner", "the tag", "without a tag")]
    public void A_condition_that_is_not_valid_is_told(string when, string path, string found, string allowed)
    {
        var error = Errors(When(when)).Single();
        Assert.That(error.Path, Is.EqualTo(path));
        Assert.That(error.Found, Does.Contain(found));
        Assert.That(error.Allowed, Does.Contain(allowed));
    }

    [TestCase("then: refuse", "/rules/0/then", "\"refuse\"")]
    [TestCase("then: block\n    grace: 14", "/rules/0/grace", "the number 14")]
    [TestCase("then: block\n    grace: 14 days", "/rules/0/grace", "\"14 days\"")]
    [TestCase("then: warn\n    grace: 14d", "/rules/0/grace", "a grace before a warning")]
    [TestCase("then: block\n    grace_from: found", "/rules/0/grace_from", "no grace")]
    [TestCase("then: block\n    grace: 1d\n    grace_from: published", "/rules/0/grace_from", "published in a rule about no finding")]
    [TestCase("then: block\n    message: 'Use {fixx}'", "/rules/0/message", "\"Use {fixx}\"")]
    [TestCase("then: block\n    message: \"\\e]0;x\\a\"", "/rules/0/message", "\uFFFD]0;x\uFFFD")]
    [TestCase("then: block\n    message: \"a\u202Eb\"", "/rules/0/message", "a\uFFFDb")]
    [TestCase("then: block\n    than: warn", "/rules/0/than", "\"than\"")]
    public void A_rule_that_is_not_valid_is_told(string rest, string path, string found)
    {
        var error = Errors($"name: p\nrules:\n  - name: r\n    when:\n      owner: ada\n    {rest}\n").Single();
        Assert.That(error.Path, Is.EqualTo(path));
        Assert.That(error.Found, Does.Contain(found));
    }

    [TestCase("", "", "nothing")]
    [TestCase("[]", "", "a list")]
    [TestCase("name: p", "/rules", "nothing")]
    [TestCase("name: P\nrules: []", "/name", "\"P\"")]
    [TestCase("name: p\nrules: []", "/rules", "0 rules")]
    [TestCase("name: p\nrules: 3", "/rules", "the number 3")]
    [TestCase("name: p\nrules: [x]", "/rules/0", "\"x\"")]
    [TestCase("{\"name\": \"p\", \"name\": \"q\", \"rules\": 1}", "/name", "a second time")]
    [TestCase("{\"name\": \"\\ud800\", \"rules\": 1}", "/name", "not Unicode")]
    [TestCase("{\"name\": ", "", "not JSON")]
    [TestCase("name: [", "", "not YAML")]
    [TestCase("name: p\n---\nname: q", "", "several documents")]
    [TestCase("? [a]\n: b", "", "a key that is no text")]
    public void A_text_that_is_no_policy_is_told(string text, string path, string found)
    {
        var errors = Errors(text);
        Assert.That(errors.Any(error => error.Path == path && error.Found.Contains(found, StringComparison.Ordinal)), Is.True,
            string.Join("\n", errors));
    }

    [Test]
    public void Bounds_hold()
    {
        static string Rules(int number, Func<int, string> when) => "name: p\nrules:\n" + string.Concat(Enumerable.Range(0, number)
            .Select(i => $"  - {{name: r{i}, when: {when(i)}, then: warn}}\n"));

        Assert.That(Errors(Rules(51, _ => "{owner: a}")).Select(error => error.Path), Does.Contain("/rules"));
        Valid(Rules(50, _ => "{owner: a}"));
        Assert.That(Errors(Rules(26, _ => "{owner: a, name: b}")).Single().Found, Is.EqualTo("52 conditions"));
        Assert.That(Errors("name: p\nrules:\n" + string.Concat(Enumerable.Repeat("  - {name: r, when: {owner: a}, then: warn}\n", 2)))
            .Single().Path, Is.EqualTo("/rules/1/name"));
        var ids = string.Join(", ", Enumerable.Range(0, 101).Select(i => $"CVE-1-{i}"));
        Assert.That(Errors(When($"vulnerability: [{ids}]")).Single().Found, Is.EqualTo("a list of 101"));
        Assert.That(Errors(new string('[', 60_000)).Single().Found, Is.EqualTo("deeper nesting"));
        Assert.That(Errors(string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40)).Single().Found,
            Is.EqualTo("deeper nesting"));
        Assert.That(Errors(new string('{', 60_000)), Is.Not.Empty);
        Assert.That(Errors(new string('a', 65_537)).Single().Found, Does.Contain("65,536"));
        Valid(Message(new string('m', 1_000)));
        Assert.That(Errors(Message(new string('m', 1_001))).Single().Path, Is.EqualTo("/rules/0/message"));
    }

    /// <summary>Every error, not only the first.</summary>
    [Test]
    public void All_errors_are_told_with_their_lines()
    {
        var errors = Errors("name: P\nrules:\n  - name: r\n    when:\n      cvs: 1\n      epss: 3\n    then: x\n");
        Assert.That(errors.Select(error => (error.Path, error.Line)), Is.EquivalentTo(new[]
        {
            ("/name", 1), ("/rules/0/when/cvs", 5), ("/rules/0/when/epss", 6), ("/rules/0/then", 7),
        }));
    }

    [TestCase("known_exploited: true", "Block every environment that has an open vulnerability that is known to be exploited.")]
    [TestCase("not_known_exploited: true", "Block every environment that has an open vulnerability that is not known to be exploited.")]
    [TestCase("not_known_exploited: false", "Block every environment that has an open vulnerability that is known to be exploited.")]
    [TestCase("severity: '>= high'\n      fix_available: true\n      package: [openssl <3.0, log4j*]",
        "Block every environment that has an open vulnerability that has the severity at least high and has a fix, "
        + "in a package that fits openssl <3.0 or log4j*.")]
    [TestCase("status: disputed", "Block every environment that has a vulnerability that is disputed.")]
    [TestCase("channel: not_granted\n      platform: linux-64", "Block every environment that holds a package that "
        + "comes from a channel that no group of its owner was granted, and that is for linux-64.")]
    [TestCase("not_cvss: '>= 4'", "Block every environment that has an open vulnerability that does not have a CVSS score of at least 4.")]
    [TestCase("log_age: '> 30d'\n      not_group: ops",
        "Block every environment that does not belong to a member of group ops and was last logged more than 30 days ago.")]
    [TestCase("coverage: not_checked", "Block every environment that holds a package that is without a check against advisories.")]
    public void A_rule_is_a_plain_sentence(string when, string sentence) =>
        Assert.That(Sentences.Of(Valid(When(when)).Rules[0]), Is.EqualTo(sentence));

    [Test]
    public void A_grace_is_in_the_sentence() =>
        Assert.That(Sentences.Of(Valid(Kev).Rules[0]), Is.EqualTo(
            "Warn about, and after 14 days from when it was first seen in the environment block, every environment that has a "
            + "vulnerability that is known to be exploited and is active or reported."));

    private static string When(string when) => Bare.Replace("{ ~ }", "\n      " + when, StringComparison.Ordinal);

    private static string Message(string message) => When("owner: a") + $"    message: {message}\n";

    private static PolicyDocument Valid(string text)
    {
        var (document, errors) = PolicyParser.Parse(text);
        Assert.That(errors, Is.Empty);
        return document!;
    }

    private static IReadOnlyList<PolicyError> Errors(string text)
    {
        var (document, errors) = PolicyParser.Parse(text);
        Assert.That(document, Is.Null);
        Assert.That(errors, Is.Not.Empty);
        return errors;
    }
}
