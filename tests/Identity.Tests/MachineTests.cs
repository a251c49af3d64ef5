using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Contracts.Identity;

using Grpc.Core;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class MachineTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_machine_is_announced_when_it_is_new_and_when_it_changed_only()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        var id = Guid.CreateVersion7();
        Assert.That((await RegisterAsync(ada, org, id, "one")).StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That((await RegisterAsync(ada, org, id, "one")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await RegisterAsync(ada, org, id, "two")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var announced = (await _host.OutboxAsync("MachineRegistered")).Where(e => (string?)e["machine_id"] == id.ToString());
        Assert.That(announced.Select(e => (string?)e["hostname"]), Is.EqualTo(new[] { "one", "two" }));
        var audited = (await _host.AuditAsync("machine_registered")).Where(e => (string?)e["target"]!["id"] == id.ToString()).ToList();
        Assert.That(audited, Has.Count.EqualTo(2));
        Assert.That((string?)audited[1]["meta"]!["before"]!["hostname"], Is.EqualTo("one"));
    }

    [Test]
    public async Task A_registration_that_failed_on_the_member_s_machine_is_in_the_audit_log()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        var id = Guid.CreateVersion7();
        var path = new Uri($"/api/v1/orgs/{org}/machines/registration-failures", UriKind.Relative);
        using var told = await ada.PostAsJsonAsync(
            path, new { machine_id = id, hostname = "box", platform = "linux-64", agent_version = "1", reason = "The id is taken." });
        using var twoLines = await ada.PostAsJsonAsync(
            path, new { hostname = "box", platform = "linux-64", agent_version = "1", reason = "one\ntwo\u001b[31m" });
        var audited = (await _host.AuditAsync("machine_registration_failed")).Single(e => (string?)e["target"]!["id"] == id.ToString());
        Assert.Multiple(() =>
        {
            Assert.That((told.StatusCode, twoLines.StatusCode), Is.EqualTo((HttpStatusCode.Accepted, HttpStatusCode.BadRequest)));
            Assert.That((string?)audited["meta"]!["reason"], Is.EqualTo("The id is taken."));
            Assert.That((string?)audited["meta"]!["hostname"], Is.EqualTo("box"));
        });
    }

    [Test]
    public async Task A_machine_belongs_to_one_member_of_an_organization_and_another_organization_knows_nothing_of_it()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var id = Guid.CreateVersion7();
        using var ada = await _host.AsNewMemberAsync(org);
        using var bob = await _host.AsNewMemberAsync(org);
        using var eve = await _host.AsNewMemberAsync(other);
        await RegisterAsync(ada, org, id, "hers");
        Assert.That((await RegisterAsync(bob, org, id, "his")).StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That((await RegisterAsync(eve, other, id, "elsewhere")).StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That((await RegisterAsync(eve, org, id, "intruder")).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        var organization =
            (string)(await (await ada.GetAsync(new Uri("/api/v1/me", UriKind.Relative))).JsonAsync())["organizations"]![0]!["id"]!;
        var machine = await _host.MachinesGrpc.GetMachineAsync(
            new GetMachineRequest { OrganizationId = organization, MachineId = id.ToString() }, IdentityHost.AsGateway);
        Assert.That(machine.Hostname, Is.EqualTo("hers"));
    }

    [Test]
    public async Task Two_members_who_register_one_id_at_once_do_not_both_get_it()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        using var bob = await _host.AsNewMemberAsync(org);
        var id = Guid.CreateVersion7();
        var answers = await Task.WhenAll(RegisterAsync(ada, org, id, "hers"), RegisterAsync(bob, org, id, "his"));
        Assert.That(
            answers.Select(answer => answer.StatusCode), Is.EquivalentTo(new[] { HttpStatusCode.Created, HttpStatusCode.Conflict }));
    }

    [Test]
    public async Task A_member_sees_and_removes_its_own_and_an_administrator_all()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        using var bob = await _host.AsNewMemberAsync(org);
        using var administrator = await _host.AsOperatorAsync();
        var (hers, his) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await RegisterAsync(ada, org, hers, "hers");
        await RegisterAsync(bob, org, his, "his");
        Assert.That(await HostnamesAsync(ada, org), Is.EqualTo(new[] { "hers" }));
        Assert.That(await HostnamesAsync(administrator, org), Is.EquivalentTo(new[] { "hers", "his" }));
        Assert.That((await ada.DeleteAsync(new Uri($"/api/v1/orgs/{org}/machines/{his}", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await ada.DeleteAsync(new Uri($"/api/v1/orgs/{org}/machines/{hers}", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await administrator.DeleteAsync(new Uri($"/api/v1/orgs/{org}/machines/{his}", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(await HostnamesAsync(administrator, org), Is.Empty);
        var removed = (await _host.OutboxAsync("MachineRemoved")).Select(e => $"{e["machine_id"]} {e["hostname"]}");
        Assert.That(removed, Is.SupersetOf(new[] { $"{hers} hers", $"{his} his" }));
    }

    [Test]
    public async Task A_machine_is_orphaned_while_its_owner_is_out_of_the_organization_and_can_be_given_to_another()
    {
        using var boot = await OrganizationClient.OfNewAsync(_host);
        var token = await _host.AddMemberAsync(boot.Org, "member");
        var (id, machine) = ((await _host.IntrospectAsync(token)).SubjectId, Guid.CreateVersion7());
        using var ada = await _host.AsBearerOfAsync(token);
        await RegisterAsync(ada, boot.Org, machine, "hers");
        await StateIsAsync("active");
        await boot.OkAsync("POST", $"members/{id}/suspend");
        await StateIsAsync("active");
        await boot.OkAsync("DELETE", $"members/{id}");
        await StateIsAsync("orphaned");
        await boot.OkAsync("POST", $"members/{id}/reinstate");
        await StateIsAsync("active");
        await boot.OkAsync("DELETE", $"members/{id}");
        using var bob = await _host.AsNewMemberAsync(boot.Org);
        var bobs = (await boot.OkAsync("GET", "members?role=member"))["items"]![0]!["id"];
        await boot.OkAsync("POST", $"machines/{machine}/transfer", new { owner = (string?)bobs });
        await StateIsAsync("active");
        Assert.That((await boot.RefusedAsync("GET", "machines?state=lost")).Status, Is.EqualTo(400));

        async Task StateIsAsync(string state)
        {
            Assert.That(await boot.ListAsync("machines", "state"), Is.EqualTo(new[] { state }));
            Assert.That(await boot.ListAsync($"machines?state={state}", "id"), Is.EqualTo(new[] { machine.ToString() }));
            Assert.That(await boot.ListAsync($"machines?state={(state == "active" ? "orphaned" : "active")}", "id"), Is.Empty);
        }
    }

    [Test]
    public async Task An_auditor_registers_nothing()
    {
        using var auditor = await _host.AsNewMemberAsync("default", "auditor");
        Assert.That((await RegisterAsync(auditor, "default", Guid.CreateVersion7(), "x")).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [Test]
    public async Task An_unknown_machine_is_not_found()
    {
        var call = await Assert.ThrowsAsync<RpcException>(async () => await _host.MachinesGrpc.GetMachineAsync(
            new GetMachineRequest { OrganizationId = Guid.CreateVersion7().ToString(), MachineId = Guid.CreateVersion7().ToString() },
            IdentityHost.AsGateway));
        Assert.That(call!.StatusCode, Is.EqualTo(StatusCode.NotFound));
    }

    [TestCase("""{"hostname":"","platform":"linux-64","agent_version":"1"}""", "hostname")]
    [TestCase("""{"hostname":"h","platform":"Linux 64","agent_version":"1"}""", "platform")]
    [TestCase("""{"hostname":"h","platform":"linux-64"}""", "agent_version")]
    [TestCase("""{"hostname":["h"],"platform":"linux-64","agent_version":"1"}""", "hostname")]
    public async Task Bad_input_is_refused_by_field(string body, string field)
    {
        using var client = await _host.AsOperatorAsync();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await client.PutAsync(
            new Uri($"/api/v1/orgs/default/machines/{Guid.CreateVersion7()}", UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(member => member.Key), Is.EqualTo(new[] { field }));
    }

    [Test]
    public async Task A_machine_id_that_is_no_uuid_is_bad_input()
    {
        using var client = await _host.AsOperatorAsync();
        using var response = await client.PutAsJsonAsync(
            "/api/v1/orgs/default/machines/laptop", new { hostname = "h", platform = "linux-64", agent_version = "1" });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(member => member.Key), Is.EqualTo(new[] { "machine_id" }));
    }

    private static Task<HttpResponseMessage> RegisterAsync(HttpClient client, string org, Guid id, string hostname) =>
        client.PutAsJsonAsync($"/api/v1/orgs/{org}/machines/{id}", new { hostname, platform = "linux-64", agent_version = "0.1.0" });

    private static async Task<IEnumerable<string>> HostnamesAsync(HttpClient client, string org)
    {
        var page = await (await client.GetAsync(new Uri($"/api/v1/orgs/{org}/machines", UriKind.Relative))).JsonAsync();
        return page["items"]!.AsArray().Select(item => (string)item!["hostname"]!);
    }
}
