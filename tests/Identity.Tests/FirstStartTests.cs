using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class FirstStartTests
{
    private TestDatabase _database = null!;

    [SetUp]
    public async Task CreateDatabaseAsync() => _database = await TestDatabase.CreateAsync();

    [TearDown]
    public async Task DropDatabaseAsync() => await _database.DisposeAsync();

    [Test]
    public async Task It_writes_how_to_sign_in_for_its_owner_only_and_both_ways_work()
    {
        await using var host = await IdentityHost.StartAsync(_database);
        var bootstrap = host.Bootstrap;
        Assert.Multiple(() =>
        {
            Assert.That(bootstrap.Select(member => member.Key), Is.EqualTo(new[] { "url", "organization", "email", "password", "token" }));
            Assert.That((string?)bootstrap["url"], Is.EqualTo("http://127.0.0.1:8080"));
            Assert.That((string?)bootstrap["organization"], Is.EqualTo("default"));
            Assert.That(File.Exists(host.BootstrapFile + ".new"), Is.False);
        });
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(host.BootstrapFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        var reply = await host.IntrospectAsync((string)bootstrap["token"]!);
        Assert.Multiple(() =>
        {
            Assert.That(reply.Active, Is.True);
            Assert.That(reply.Operator, Is.True);
            Assert.That(reply.ExpiresAtUnixSeconds, Is.Zero);
            Assert.That(reply.Memberships.Select(m => (m.Slug, m.Role)), Is.EqualTo(new[] { ("default", "administrator") }));
        });
        using var nobody = host.Service.AsForwarded();
        using var signIn = await nobody.PostAsJsonAsync(
            "/api/v1/sign-in", new { email = (string)bootstrap["email"]!, password = (string)bootstrap["password"]! });
        Assert.That(signIn.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await host.IntrospectAsync((string)(await signIn.JsonAsync())["token"]!)).Operator, Is.True);
        Assert.That(await host.AuditAsync("organization_created"), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Two_instances_that_start_at_once_create_one_organization()
    {
        var hosts = await Task.WhenAll(IdentityHost.StartAsync(_database), IdentityHost.StartAsync(_database));
        await using var first = hosts[0];
        await using var second = hosts[1];
        Assert.That(hosts.Count(host => File.Exists(host.BootstrapFile)), Is.EqualTo(1));
        Assert.That(await first.AuditAsync("organization_created"), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_later_start_changes_nothing_and_the_way_back_in_is_asked_for()
    {
        string token, password;
        await using (var first = await IdentityHost.StartAsync(_database))
        {
            (token, password) = ((string)first.Bootstrap["token"]!, (string)first.Bootstrap["password"]!);
        }

        await using (var second = await IdentityHost.StartAsync(_database))
        {
            Assert.That(File.Exists(second.BootstrapFile), Is.False);
            Assert.That((await second.IntrospectAsync(token)).Active, Is.True);
        }

        await using var third = await IdentityHost.StartAsync(_database, null, ("Identity:IssueBootstrapToken", "true"));
        Assert.That((await third.IntrospectAsync(token)).Active, Is.False);
        Assert.That((await third.IntrospectAsync((string)third.Bootstrap["token"]!)).Operator, Is.True);
        Assert.That((string?)third.Bootstrap["password"], Is.Not.EqualTo(password));
        var issued = (await third.AuditAsync("operator_credentials_issued")).Single();
        Assert.That((string?)issued["actor"]!["type"], Is.EqualTo("system"));
        Assert.That(issued.ToJsonString(), Does.Not.Contain((string)third.Bootstrap["password"]!));
        Assert.That(issued.ToJsonString(), Does.Not.Contain((string)third.Bootstrap["token"]!));
    }

    [Test]
    public async Task A_start_that_died_after_its_commit_is_finished_by_the_next()
    {
        var file = Path.Combine(Path.GetTempPath(), "envplatform-tests", Guid.CreateVersion7().ToString("N"), "bootstrap.json");
        string content;
        await using (var first = await IdentityHost.StartAsync(_database, file))
        {
            content = await File.ReadAllTextAsync(file);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file + ".new", content);
        await using var second = await IdentityHost.StartAsync(_database, file);
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo(content));
        Assert.That(File.Exists(file + ".new"), Is.False);
    }
}
