using System.Text.Json;

namespace EnvPlatform.Agent.Tests.Commands;

public sealed class EnrolmentTests : CommandFixture
{
    private const string Enrolled =
        """{"organization": "acme", "token": "envp_bound", "expires_at": "2027-01-31T00:00:00Z", "owner_id": "x", "machine_id": "y"}""";

    private const string Id = "0192f0c1-0000-7000-8000-000000000001";

    [SetUp]
    public void SignOut() => Machine.Variables.Clear();

    [Test]
    public async Task A_machine_that_nobody_signed_in_on_enrols_by_a_key_and_keeps_its_token()
    {
        Platform.On("POST /enrol", 200, Enrolled);
        Platform.On($"PUT /orgs/acme/machines/{Id}", 200, "{}");
        Machine.Write(".config/envplatform/settings.json", $$"""{"machine_id": "{{Id}}"}""");
        Machine.In = "enve_key\n";
        var ended = await Machine.RunAsync("register", "--enrolment-key", "-", "--url", Platform.Url);
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        var sent = Platform.To("POST /enrol").Single().Json();
        var settings = JsonDocument.Parse(File.ReadAllText(Machine.SettingsFile)).RootElement;
        Assert.Multiple(() =>
        {
            Assert.That(sent.GetProperty("key").GetString(), Is.EqualTo("enve_key"));
            Assert.That(sent.GetProperty("machine_id").GetString(), Is.EqualTo(Id));
            Assert.That(settings.GetProperty("token").GetString(), Is.EqualTo("envp_bound"));
            Assert.That(settings.GetProperty("organization").GetString(), Is.EqualTo("acme"));
            Assert.That(ended.Out + ended.Error, Does.Not.Contain("envp_bound").And.Not.Contain("enve_key"));
            Assert.That(ended.Error, Does.Contain("2027-01-31"));
        });
    }

    [Test]
    public async Task A_key_that_is_refused_leaves_the_settings_as_they_were()
    {
        Platform.On("POST /enrol", 401, """{"code": "enrolment_refused", "detail": "The key is not good for this machine."}""");
        var ended = await Machine.RunAsync("register", "--enrolment-key", "enve_key", "--url", Platform.Url);
        Assert.That(ended.ExitCode, Is.Not.Zero);
        Assert.That(ended.Error, Does.Contain("The key is not good for this machine."));
        Assert.That(File.Exists(Machine.SettingsFile), Is.False);
    }
}
