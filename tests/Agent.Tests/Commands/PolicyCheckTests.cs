namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>Policy documents are validated without a platform.</summary>
public sealed class PolicyCheckTests
{
    private const string Valid = "name: kev\nrules:\n  - name: r\n    when: { known_exploited: true }\n    then: block\n";

    private UserMachine _machine = null!;

    [SetUp]
    public void Make() => _machine = new UserMachine();

    [TearDown]
    public void Remove() => _machine.Dispose();

    [Test]
    public async Task A_valid_document_is_fine_and_explained()
    {
        _machine.Write("kev.yml", Valid);
        var ended = await _machine.RunAsync("policy", "check", "kev.yml", "--explain");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Contain("kev.yml: valid: policy kev, 1 rule"));
            Assert.That(ended.Out, Does.Contain(
                "r: Block every environment that has an open vulnerability that is known to be exploited."));
        });
    }

    [Test]
    public async Task What_is_wrong_is_told_with_line_path_found_and_allowed()
    {
        _machine.Write("good.yml", Valid);
        _machine.Write("bad.yml", Valid.Replace("known_exploited: true", "known_exploited: \"\\e[31m\"", StringComparison.Ordinal));
        var ended = await _machine.RunAsync("policy", "check", "good.yml", "bad.yml");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(1));
            Assert.That(ended.Out, Does.Contain("good.yml: valid"));
            Assert.That(ended.Out, Does.Contain(
                "bad.yml:4: /rules/0/when/known_exploited: Found \"\uFFFD[31m\"; allowed is true or false."));
            Assert.That(ended.Out, Does.Not.Contain("\u001b"));
        });
    }

    [Test]
    public async Task What_cannot_be_read_ends_with_2_after_the_others()
    {
        _machine.Write("bad.json", "{}");
        var ended = await _machine.RunAsync("policy", "check", "missing.yml", "bad.json");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain("missing.yml"));
            Assert.That(ended.Out, Does.Contain("bad.json: /name: Found nothing"));
        });
    }

    [Test]
    public async Task Standard_input_is_read_and_a_long_text_refused()
    {
        _machine.In = Valid;
        Assert.That((await _machine.RunAsync("policy", "check", "-")).ExitCode, Is.Zero);
        _machine.In = new string('a', 10_000_000);
        var ended = await _machine.RunAsync("policy", "check", "-");
        Assert.That(ended.ExitCode, Is.EqualTo(1));
        Assert.That(ended.Out, Does.StartWith("-: Found more than 65,536 characters"));
    }
}
