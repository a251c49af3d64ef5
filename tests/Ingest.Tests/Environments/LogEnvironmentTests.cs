using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests.Environments;

public sealed class LogEnvironmentTests : IngestFixture
{
    private static PackageEntry[] Some(
        string salt) => [Conda("numpy", "1.21.2", requested: true), Pypi("requests", "2.25.1"), Conda("only-" + salt, "1")];

    [Test]
    public async Task An_organization_that_manages_no_environments_takes_no_log_and_keeps_what_it_has()
    {
        using var before = await LogAsync(Bob, Body(Some("kept"), "/home/bob/envs/kept"));
        Assert.That(before.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        var off = Bob with { Memberships = [Organization with { EnvironmentsEnabled = false, Role = "member" }] };
        using var refused = await LogAsync(off, Body(Some("kept"), "/home/bob/envs/kept"));
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That(
            (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(),
            Is.EqualTo("environments_disabled"));
        var seen = await GetAsync(off, "environments?search=kept");
        Assert.That(seen.GetProperty("items").GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_token_that_is_bound_to_a_machine_logs_from_no_other_and_removes_nothing_of_another()
    {
        var bound = Bob with { MachineId = Guid.CreateVersion7() };
        using var refused = await LogAsync(bound, Body(Some("bound"), "/home/bob/envs/bound"));
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That(
            (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo("other_machine"));
        using var taken = await LogAsync(Bob with { MachineId = BobsMachine.Value }, Body(Some("bound"), "/home/bob/envs/bound"));
        Assert.That(taken.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        var id = (await taken.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("environment_id").GetString();
        var path = new Uri($"/api/v1/orgs/{Organization.Slug}/environments/{id}", UriKind.Relative);
        using var other = Service.As(bound);
        Assert.That((await other.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var same = Service.As(Bob with { MachineId = BobsMachine.Value });
        Assert.That((await same.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
    }

    [Test]
    public async Task A_new_environment_is_created_and_told_to_everybody_concerned()
    {
        using var response = await LogAsync(Bob, Body(Some("new"), "/home/bob/envs/new"));
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        var id = answer.GetProperty("environment_id").GetString()!;
        Assert.Multiple(() =>
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created), answer.ToString());
            Assert.That(response.Headers.Location!.ToString(), Is.EqualTo($"/api/v1/orgs/{Organization.Slug}/environments/{id}"));
            Assert.That(answer.GetProperty("created").GetBoolean(), Is.True);
            Assert.That(answer.GetProperty("changed").GetBoolean(), Is.True);
            Assert.That(answer.GetProperty("digest").GetString(), Is.EqualTo(DigestOf(Some("new"))));
            Assert.That(answer.GetProperty("status").GetString(), Is.EqualTo("ok"));
            Assert.That(answer.GetProperty("packages").GetInt32(), Is.EqualTo(3));
            Assert.That(answer.GetProperty("scan").GetString(), Is.EqualTo("pending"));
            Assert.That(answer.GetProperty("vulnerabilities").ValueKind, Is.EqualTo(JsonValueKind.Null));
        });
        var logged = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<EnvironmentLogged>().FirstOrDefault(e => e.EnvironmentId.ToString() == id)),
            "EnvironmentLogged");
        Assert.That(logged, Is.EqualTo(logged with
        {
            OrganizationId = Organization.Id,
            MachineId = BobsMachine,
            Owner = Bob.SubjectId,
            Prefix = "/home/bob/envs/new",
            Name = "new",
            Platform = "linux-64",
            Digest = DigestOf(Some("new")),
            PackageCount = 3,
            Created = true,
            Version = 1,
        }));
        var audit = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>().FirstOrDefault(e => e.Target.Id == id)), "AuditEventOccurred");
        Assert.Multiple(() =>
        {
            Assert.That(audit.ActionKey, Is.EqualTo("environment_logged"));
            Assert.That(audit.Actor.Email, Is.EqualTo("bob@example.org"));
            Assert.That(audit.OrganizationId, Is.EqualTo(Organization.Id));
        });
    }

    [Test]
    public async Task A_log_that_says_nothing_new_writes_nothing()
    {
        var body = Body(Some("same"), "/same");
        var first = await LoggedAsync(Bob, body);
        await OutboxDrainsAsync();
        var before = await StateAsync(first);
        foreach (var again in new[]
        {
            body,
            Body(Some("same"), "/same", digestOnly: true),
            Body([.. Some("same").Reverse()], "/same", command: "other")
        })
        {
            using var response = await LogAsync(Bob, again.DeepClone());
            var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(answer.GetProperty("environment_id").GetString(), Is.EqualTo(first.GetProperty("environment_id").GetString()));
            Assert.That(answer.GetProperty("changed").GetBoolean(), Is.False);
            Assert.That(answer.GetProperty("created").GetBoolean(), Is.False);
        }

        Assert.That(await StateAsync(first), Is.EqualTo(before), "the row's physical place, its logs and the outbox");

        async Task<string> StateAsync(JsonElement logged) =>
            await ScalarAsync<string>(
                """
                select concat_ws(' ', ctid, xmin, (select count(*) from environment_logs l where l.environment_id = e.environment_id),
                    (select count(*) from outbox))
                from environments e where environment_id = @Id
                """, new { Id = logged.GetProperty("environment_id").GetGuid() });
    }

    [Test]
    public async Task A_changed_environment_keeps_its_id_and_tells_the_change()
    {
        var first = await LoggedAsync(Bob, Body(Some("before"), "/changing"));
        using var response = await LogAsync(Bob, Body(Some("after"), "/changing", command: "conda install after"));
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        var id = answer.GetProperty("environment_id").GetString()!;
        Assert.Multiple(() =>
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(id, Is.EqualTo(first.GetProperty("environment_id").GetString()));
            Assert.That(answer.GetProperty("changed").GetBoolean(), Is.True);
            Assert.That(answer.GetProperty("created").GetBoolean(), Is.False);
        });
        var logged = await Eventually.GetAsync(
            () => Task.FromResult(
                Events.Heard<EnvironmentLogged>().FirstOrDefault(e => e.EnvironmentId.ToString() == id && e.Version == 2)), "version 2");
        Assert.That(logged.Created, Is.False);
        var audit = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>()
                .FirstOrDefault(e => e.Target.Id == id && e.ActionKey == "environment_updated")), "audit");
        Assert.Multiple(() =>
        {
            Assert.That(audit.Meta.GetProperty("before").GetProperty("digest").GetString(), Is.EqualTo(DigestOf(Some("before"))));
            Assert.That(audit.Meta.GetProperty("after").GetProperty("digest").GetString(), Is.EqualTo(DigestOf(Some("after"))));
        });
    }

    [Test]
    public async Task A_digest_alone_is_enough_once_the_organization_has_logged_the_set()
    {
        using (var refused = await LogAsync(Bob, Body(Some("digest-first"), "/digest/a", digestOnly: true)))
        {
            var problem = await refused.Content.ReadFromJsonAsync<JsonElement>();
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
            Assert.That(problem.GetProperty("code").GetString(), Is.EqualTo("packages_required"));
        }

        await LoggedAsync(Bob, Body(Some("digest-first"), "/digest/a"));
        var other = await LoggedAsync(Bob, Body(Some("digest-first"), "/digest/b", digestOnly: true));
        Assert.That(other.GetProperty("created").GetBoolean(), Is.True);
        Assert.That(other.GetProperty("packages").GetInt32(), Is.EqualTo(3));
        // A complete change by the digest alone.
        await LoggedAsync(Bob, Body(Some("digest-second"), "/digest/a"));
        var back = await LoggedAsync(Bob, Body(Some("digest-first"), "/digest/a", digestOnly: true));
        Assert.That(back.GetProperty("changed").GetBoolean(), Is.True);
    }

    [Test]
    public async Task Another_organizations_sets_are_not_given_away()
    {
        var machine = await RegisterMachineAsync(Mallory);
        var first = await LoggedAsync(Bob, Body(Some("secret"), "/secret"));
        await ScanAsync(first, "/secret");
        using (var probe = await LogAsync(Mallory, Body(Some("secret"), "/probe", machine, digestOnly: true)))
        {
            Assert.That(probe.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        }

        var own = await LoggedAsync(Mallory, Body(Some("secret"), "/probe", machine));
        Assert.That(own.GetProperty("scan").GetString(), Is.EqualTo("pending"), "a set that the other organization had scanned");
        var again = await LoggedAsync(Bob, Body(Some("secret"), "/secret-too", digestOnly: true));
        Assert.That(again.GetProperty("scan").GetString(), Is.EqualTo("done"), "a set that this organization had scanned");
        Assert.That(again.GetProperty("vulnerabilities").GetProperty("critical").GetInt32(), Is.EqualTo(1));
    }

    private async Task ScanAsync(JsonElement logged, string prefix)
    {
        var id = new EnvironmentId(logged.GetProperty("environment_id").GetGuid());
        var set = await ScalarAsync<long>("select package_set_id from environments where environment_id = @Value", id);
        await PublishAsync(new EnvironmentScanned(
            Organization.Id, [new(set, [id], new(1, 1, 0, 0, 0, 0), 9.8m, 1, 0, TimeProvider.System.GetUtcNow())]));
        await Eventually.BecomesTrueAsync(
            async () => (await LoggedAsync(Bob, Body(Some("secret"), prefix, digestOnly: true))).GetProperty("scan").GetString() == "done",
            "the scan is stored");
    }

    [Test]
    public async Task A_machine_of_another_member_is_not_found()
    {
        using var response = await LogAsync(Eve, Body(Some("x"), "/stolen"));
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(problem.GetProperty("code").GetString(), Is.EqualTo("machine_not_registered"));
    }

    [Test]
    public async Task An_unknown_machine_is_no_verdict_while_Identity_is_away()
    {
        using var response = await LogAsync(Bob, Body(Some("x"), "/unknown", new MachineId(Guid.CreateVersion7())));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(
            (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo("identity_unavailable"));
    }

    [Test]
    public async Task A_rename_keeps_the_environment_and_its_history()
    {
        var first = await LoggedAsync(Bob, Body(Some("rename"), "/envs/old"));
        var id = first.GetProperty("environment_id").GetString()!;
        var renamed = await LoggedAsync(
            Bob, Body(Some("rename"), "/envs/fresh", digestOnly: true, previousPrefix: "/envs/old", command: "conda rename"));
        Assert.That(renamed.GetProperty("environment_id").GetString(), Is.EqualTo(id));
        Assert.That(renamed.GetProperty("created").GetBoolean(), Is.False);
        var told = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<EnvironmentRenamed>().FirstOrDefault(e => e.EnvironmentId.ToString() == id)),
            "EnvironmentRenamed");
        Assert.That((told.Prefix, told.Name, told.Version), Is.EqualTo(("/envs/fresh", "fresh", 2L)));
        await OutboxDrainsAsync();
        Assert.That(
            Events.Heard<EnvironmentLogged>().Count(e => e.EnvironmentId.ToString() == id), Is.EqualTo(1), "the packages did not change");
        Assert.That(
            Events.Heard<AuditEventOccurred>().Where(e => e.Target.Id == id).Select(e => e.ActionKey),
            Is.EquivalentTo(new[] { "environment_logged", "environment_renamed" }));
        var view = await GetAsync(Bob, $"environments/{id}");
        Assert.That(view.GetProperty("prefix").GetString(), Is.EqualTo("/envs/fresh"));

        // Renamed and changed in one log: the later event is the newer one.
        await LoggedAsync(Bob, Body(Some("rename2"), "/envs/third", previousPrefix: "/envs/fresh"));
        var logged = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<EnvironmentLogged>().FirstOrDefault(e => e.EnvironmentId.ToString() == id && !e.Created)),
            "EnvironmentLogged");
        Assert.That((logged.Version, logged.Prefix), Is.EqualTo((4L, "/envs/third")));
    }

    [Test]
    public async Task A_package_that_is_listed_twice_counts_once()
    {
        PackageEntry[] packages = [Conda("a", "1"), Conda("a", "1", requested: true), Pypi("b", "2")];
        var answer = await LoggedAsync(Bob, Body(packages, "/repeats"));
        Assert.That(answer.GetProperty("packages").GetInt32(), Is.EqualTo(2));
        var listed = await GetAsync(Bob, $"environments/{answer.GetProperty("environment_id").GetString()}/packages");
        Assert.That(listed.GetProperty("items")[0].GetProperty("requested").GetBoolean(), Is.True);
    }

    [Test]
    public async Task An_environment_may_be_empty()
    {
        var answer = await LoggedAsync(Bob, Body([], "/empty"));
        Assert.That(answer.GetProperty("packages").GetInt32(), Is.Zero);
    }

    [Test]
    public async Task Secrets_in_a_command_are_not_kept()
    {
        var answer = await LoggedAsync(Bob, Body(
            Some("masked"), "/masked",
            command: "conda install -c https://repo.example.org/t/tk-12345/chan -c https://user:hunter2@example.org/x numpy"));
        var id = answer.GetProperty("environment_id").GetString()!;
        var history = await GetAsync(Bob, $"environments/{id}/history");
        Assert.That(
            history.GetProperty("items")[0].GetProperty("command").GetString(),
            Is.EqualTo("conda install -c https://repo.example.org/t/***/chan -c https://***@example.org/x numpy"));
        var audit = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>().FirstOrDefault(e => e.Target.Id == id)), "audit");
        Assert.That(audit.Meta.ToString(), Does.Not.Contain("hunter2").And.Not.Contain("tk-12345"));
    }

    [Test]
    public async Task The_body_may_be_packed()
    {
        using var response = await PostBytesAsync(Bob, Gzipped.Of(Body(Some("packed"), "/packed").ToJsonString()), "gzip");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created));
    }

    [Test]
    public async Task A_log_at_the_same_time_from_many_sides_creates_one_environment()
    {
        for (var round = 0; round < 5; round++)
        {
            var body = Body(Some($"race{round}"), $"/race/{round}");
            var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => LogAsync(Bob, body.DeepClone())));
            var created = answers.Count(answer => answer.StatusCode == HttpStatusCode.Created);
            Assert.That(answers.Select(answer => (int)answer.StatusCode), Is.All.AnyOf(200, 201));
            Assert.That(created, Is.EqualTo(1));
            var prefix = $"/race/{round}";
            Assert.That(await ScalarAsync<long>("select count(*) from environments where prefix = @prefix", new { prefix }), Is.EqualTo(1));
            Assert.That(
                await ScalarAsync<long>(
                    "select count(*) from environment_logs join environments using (org_id, environment_id) where prefix = @prefix",
                    new { prefix }),
                Is.EqualTo(1));
            foreach (var answer in answers)
            {
                answer.Dispose();
            }
        }
    }

    [Test]
    public async Task A_removed_environment_that_is_logged_again_is_a_new_one()
    {
        var first = await LoggedAsync(Bob, Body(Some("again"), "/again"));
        using var removed = await SendAsync(HttpMethod.Delete, Bob, $"environments/{first.GetProperty("environment_id").GetString()}");
        Assert.That(removed.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        var second = await LoggedAsync(Bob, Body(Some("again"), "/again", digestOnly: true));
        Assert.That(second.GetProperty("created").GetBoolean(), Is.True);
        Assert.That(second.GetProperty("environment_id").GetString(), Is.Not.EqualTo(first.GetProperty("environment_id").GetString()));
    }
}
