using System.Diagnostics;

using EnvPlatform.Agent.Tests.Commands;

using Microsoft.AspNetCore.Http;

namespace EnvPlatform.Agent.Tests.SignIn;

public sealed class RenewalTests : SignInFixture
{
    private const string Empty = """{"items": [], "total_count": 0}""";
    private static readonly TimeSpan Expired = TimeSpan.FromMinutes(-1);

    private static string Program => Path.Combine(
        TestContext.CurrentContext.TestDirectory, OperatingSystem.IsWindows() ? "envplatform.exe" : "envplatform");

    [SetUp]
    public void ServeEnvironments() => Platform.On($"GET {Orgs}/environments", GuardedAsync(Empty));

    [Test]
    public async Task Ten_commands_at_once_renew_an_expired_sign_in_once()
    {
        SignedIn(Expired);
        var ended = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Machine.RunProgramAsync(Program, "env", "list")));
        Assert.Multiple(() =>
        {
            Assert.That(ended.Select(one => (one.ExitCode, one.Error)), Is.All.EqualTo((0, "")));
            Assert.That(Server.Grants("refresh_token"), Has.Length.EqualTo(1));
            Assert.That(File.ReadAllText(CredentialsFile), Does.Contain("refresh-2"));
        });
    }

    [Test]
    public async Task A_token_that_is_about_to_expire_is_renewed_before_the_request()
    {
        SignedIn(TimeSpan.FromSeconds(10));
        var ended = await Machine.RunAsync("env", "list");
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(
            Platform.To($"GET {Orgs}/environments").Select(received => received.Headers["Authorization"]),
            Is.EqualTo(new[] { "Bearer access-2" }));
    }

    [Test]
    public async Task A_token_that_is_refused_is_renewed_once_and_the_request_repeated()
    {
        SignedIn();
        Server.VoidAccessTokens();
        var ended = await Machine.RunAsync("env", "list");
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(
            Platform.To($"GET {Orgs}/environments").Select(received => received.Headers["Authorization"]),
            Is.EqualTo(new[] { "Bearer access-1", "Bearer access-2" }));
    }

    [Test]
    public async Task An_upload_whose_token_expired_on_the_way_is_sent_again()
    {
        SignedIn();
        Server.VoidAccessTokens();
        Platform.On("POST /advisories/imports", GuardedAsync("""{"id": "i1", "status": "running"}"""))
            .On("GET /advisories/imports/i1", 200, """{"id": "i1", "status": "completed", "advisories": 1, "added": 1}""");
        var file = Machine.Write("osv.json", """{"schema_version": "1.7.0", "id": "PYSEC-1"}""");
        var ended = await Machine.RunAsync("advisories", "import", file);
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        var sent = Platform.To("POST /advisories/imports");
        Assert.That(sent, Has.Length.EqualTo(2));
        Assert.That(sent.Select(one => (long)one.Body.Length), Is.All.EqualTo(new FileInfo(file).Length));
        Assert.That(sent[0].Headers["Idempotency-Key"], Is.EqualTo(sent[1].Headers["Idempotency-Key"]));
    }

    [Test]
    public async Task A_sign_in_that_has_ended_says_so_and_is_not_asked_for_again()
    {
        SignedIn(Expired);
        Server.VoidRefreshTokens();
        var ended = await Machine.RunAsync("env", "list");
        var again = await Machine.RunAsync("env", "list");
        Assert.Multiple(() =>
        {
            Assert.That((ended.ExitCode, again.ExitCode), Is.EqualTo((2, 2)));
            Assert.That(ended.Error, Does.Contain("sign in again with 'envplatform login'"));
            Assert.That(again.Error, Does.Contain("sign in again with 'envplatform login'"));
            Assert.That(Server.Grants("refresh_token"), Has.Length.EqualTo(1));
            Assert.That(Platform.To($"GET {Orgs}/environments"), Is.Empty);
        });
    }

    [Test]
    public async Task A_lost_answer_of_the_renewal_is_not_asked_for_twice()
    {
        SignedIn(Expired);
        await Platform.DisposeAsync();
        var ended = await Machine.RunAsync("env", "list");
        Assert.That((ended.ExitCode, ended.Error.Contains("cannot be reached", StringComparison.Ordinal)),
            Is.EqualTo((2, true)), ended.Error);
        Assert.That(File.ReadAllText(CredentialsFile), Does.Contain("refresh-1"), "it was never sent");
    }

    [Test]
    public async Task A_check_renews_in_a_process_that_outlives_it()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        SignedIn(Expired);
        Platform.On($"GET {Orgs}/activation", GuardedAsync("""{"status": "ok"}"""));
        Server.BeforeToken = () =>
        {
            arrived.TrySetResult();
            return release.Task;
        };
        Machine.Variables["ENVPLATFORM_CHECK_TIMEOUT_MS"] = "3000";
        var start = Machine.Start(Program, "check", "--prefix", "/envs/science");
        using var check = Process.Start(start)!;
        await arrived.Task;
        await check.WaitForExitAsync();
        Assert.That(check.ExitCode, Is.EqualTo(2), "nobody knows whether it may be activated");
        Assert.That(File.ReadAllText(CredentialsFile), Does.Contain("refresh-1"));

        release.SetResult();
        await UntilAsync(() => File.ReadAllText(CredentialsFile).Contains("refresh-2", StringComparison.Ordinal));
        Machine.Variables["ENVPLATFORM_CHECK_TIMEOUT_MS"] = "10000";
        Assert.That((await Machine.RunProgramAsync(Program, "check", "--prefix", "/envs/science")).ExitCode, Is.Zero);
        Assert.That(Server.Grants("refresh_token"), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_check_with_an_expired_token_is_answered_by_the_platform()
    {
        SignedIn(Expired);
        Platform.On($"GET {Orgs}/activation", GuardedAsync("""{"status": "block", "message": "Old openssl."}"""));
        var ended = await Machine.RunProgramAsync(Program, "check", "--prefix", "/envs/science");
        Assert.That((ended.ExitCode, ended.Error), Is.EqualTo((1, $"/envs/science is blocked: Old openssl.{Environment.NewLine}")));
    }

    [Test]
    public async Task A_sign_in_that_has_ended_lifts_no_block()
    {
        SignedIn(Expired);
        Platform.On($"GET {Orgs}/activation", GuardedAsync("""{"status": "block", "message": "Old openssl."}"""));
        await Machine.RunAsync("check", "--prefix", "/envs/science");
        Server.VoidAccessTokens();
        Server.VoidRefreshTokens();
        var ended = await Machine.RunAsync("check", "--prefix", "/envs/science");
        Assert.That(ended.ExitCode, Is.EqualTo(1));
        Assert.That(ended.Error, Does.Contain("is blocked: Old openssl.").And.Contains("answered from the cache"));
    }

    private Func<Received, HttpResponse, Task> GuardedAsync(string body) => async (received, response) =>
    {
        response.StatusCode = Server.IsGood(received) ? 200 : 401;
        response.ContentType = "application/json";
        await response.WriteAsync(Server.IsGood(received) ? body : """{"title": "Unauthorized", "status": 401}""");
    };

    private static async Task UntilAsync(Func<bool> condition)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.That(TimeProvider.System.GetElapsedTime(started), Is.LessThan(TimeSpan.FromSeconds(60)), "it did not happen");
            await Task.Delay(20);
        }
    }
}
