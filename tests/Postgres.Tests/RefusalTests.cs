using System.Diagnostics;
using System.Net;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Refusals;
using EnvPlatform.Testing;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Postgres.Tests;

/// <summary>What a service refuses is in the audit log: the first at once, the others counted, by any number of instances.</summary>
public sealed class RefusalTests
{
    private readonly string _prefix = "rf" + Guid.CreateVersion7().ToString("N")[^12..];
    private TestDatabase _database = null!;
    private TestHost _one = null!;
    private TestHost _other = null!;
    private EventRecorder _events = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _database = await TestDatabase.CreateAsync();
        _one = await StartHostAsync();
        _other = await StartHostAsync();
        _events = await EventRecorder.StartAsync(_prefix, on => on.Event<AuditEventOccurred>());
    }

    [OneTimeTearDown]
    public Task StopAsync() => Disposal.OfAsync(_events, _one, _other, _database);

    [Test]
    public async Task Of_many_at_two_instances_one_is_written_at_once_and_the_others_are_counted()
    {
        const int Times = 60;
        var member = TestCaller.Of(TestCaller.NewOrganization(Roles.Member));
        await Task.WhenAll(Enumerable.Range(0, Times).Select(
            i => RefuseAsync(i % 2 == 0 ? _one : _other, member, $"/orgs/{member.Memberships[0].Slug}/closed")));
        await Eventually.BecomesTrueAsync(() => Task.FromResult(CountsOf(member).Sum() >= Times), "all are counted", seconds: 60);
        Assert.That((CountsOf(member).Sum(), CountsOf(member).Count(count => count == 1)), Is.EqualTo(((long)Times, 1)));
        Assert.That(CountsOf(member), Has.Length.LessThan(Times / 2));
    }

    [Test]
    public async Task A_refusal_says_what_was_asked_from_where_and_its_trace()
    {
        var member = TestCaller.Of(TestCaller.NewOrganization(Roles.Member));
        using var trace = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();
        await RefuseAsync(_one, member, $"/orgs/{member.Memberships[0].Slug}/closed");
        var heard = await OneOfAsync(member);
        Assert.Multiple(() =>
        {
            Assert.That(heard.ActionKey, Is.EqualTo("permission_denied"));
            Assert.That(heard.OrganizationId, Is.EqualTo(member.Memberships[0].Id));
            Assert.That(heard.Target, Is.EqualTo(new AuditTarget("Closed", null, "operation")));
            Assert.That(heard.Actor.Email, Is.EqualTo(member.Email));
            Assert.That((heard.SourceAddress, heard.UserAgent), Is.EqualTo(("192.0.2.7", "tests")));
            Assert.That(heard.TraceId, Is.EqualTo(trace.TraceId.ToHexString()));
            Assert.That(heard.Meta.GetProperty("reason").GetString(), Is.EqualTo("forbidden"));
            Assert.That(heard.Meta.GetProperty("path").GetString(), Does.EndWith("/closed"));
        });
    }

    [TestCase("things/{id}", "permission_denied", "not_found", TestName = "A thing that is not there for the caller")]
    [TestCase("files", "vex_import_refused", "invalid_request", TestName = "A file that throws while it is read")]
    [TestCase("much", "quota_exceeded", "quota_exceeded", TestName = "A quota")]
    public async Task Other_refusals_are_events_too(string path, string action, string reason)
    {
        var member = TestCaller.Of(TestCaller.NewOrganization(Roles.Administrator));
        await RefuseAsync(
            _one, member,
            $"/orgs/{member.Memberships[0].Slug}/{path.Replace("{id}", $"{Guid.CreateVersion7()}", StringComparison.Ordinal)}");
        var heard = await OneOfAsync(member);
        Assert.That((heard.ActionKey, heard.Meta.GetProperty("reason").GetString()),
            Is.EqualTo((action, reason)));
    }

    [Test]
    public async Task What_is_common_knowledge_and_what_is_asked_wrongly_is_no_refusal()
    {
        var member = TestCaller.Of(TestCaller.NewOrganization());
        await RefuseAsync(_one, member, $"/orgs/{member.Memberships[0].Slug}/things/CVE-2022-0778");
        await RefuseAsync(_one, member, $"/orgs/{member.Memberships[0].Slug}/nothing");
        // Written in the order in which they came, so that those before would be there.
        await RefuseAsync(_one, member, $"/orgs/{member.Memberships[0].Slug}/much");
        await OneOfAsync(member);
        Assert.That(Heard(member).Select(heard => heard.ActionKey), Is.EqualTo(new[] { "quota_exceeded" }));
    }

    [Test]
    public async Task Another_organization_has_the_event_in_its_log_without_the_name_of_who_asked()
    {
        var stranger = TestCaller.Of(TestCaller.NewOrganization());
        var asked = TestCaller.NewOrganization();
        using var client = new HttpClient { BaseAddress = _one.Address };
        client.DefaultRequestHeaders.Add(
            Assertion.Header,
            (stranger.ToAssertion() with { Memberships = [], Asked = new(asked.Id, asked.Slug) })
                .Sign(TestKeys.Of("gateway", "tests")));
        using var response = await client.GetAsync(new Uri($"/orgs/{asked.Slug}/closed", UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        var heard = await OneOfAsync(stranger);
        Assert.That(
            (heard.OrganizationId, heard.OrganizationName, heard.Actor.Email, heard.Meta.GetProperty("reason").GetString()),
            Is.EqualTo((asked.Id, asked.Slug, (string?)null, "not_a_member")));
        Assert.That(heard.Message, Does.Not.Contain(stranger.Email));
    }

    [Test]
    public async Task What_was_refused_in_the_last_moment_of_a_service_is_kept()
    {
        var member = TestCaller.Of(TestCaller.NewOrganization(Roles.Member));
        await using (var host = await StartHostAsync())
        {
            host.Get<RefusalLog>().Add(new Refusal(
                Caller.Of(member.SubjectId, "user", "Ada", RequestOrigin.Unknown, "tests", organization: member.Memberships[0]),
                Refusal.PermissionDenied, "Closed", "GET", "/closed", 403, "forbidden", null, TimeProvider.System.GetUtcNow(), null));
        }

        await OneOfAsync(member);
    }

    [Test]
    public void Memory_is_bounded_and_no_count_is_lost_however_many_callers_there_are()
    {
        var log = new RefusalLog(new ServiceName("tests"));
        const int Many = 20_000;
        for (var i = 0; i < Many; i++)
        {
            var caller = Caller.Of(
                new SubjectId(Guid.CreateVersion7()), "user", "", RequestOrigin.Unknown, "tests",
                organization: TestCaller.NewOrganization());
            log.Add(new Refusal(
                caller, Refusal.PermissionDenied, $"Operation{i}", "GET", "/", 403, "forbidden", null, TimeProvider.System.GetUtcNow(),
                null));
        }

        var taken = log.Take();
        Assert.That(taken, Has.Count.EqualTo(RefusalLog.MaxKinds + 1));
        Assert.That(taken.Sum(one => one.Count), Is.EqualTo(Many));
        Assert.That(taken.Single(one => one.First.Operation == RefusalLog.Others).First.Caller.Organization, Is.Null);
        Assert.That(log.Take(), Is.Empty);
        log.Return(taken);
        log.Return(log.Take());
        Assert.That(log.Take().Sum(one => one.Count), Is.EqualTo(Many));
    }

    [Test]
    public async Task What_nothing_brought_about_has_a_trace_of_its_own_and_what_was_stored_that_of_its_request()
    {
        var organization = TestCaller.NewOrganization().Id;
        var stored = $"00-{ActivityTraceId.CreateRandom().ToHexString()}-{ActivitySpanId.CreateRandom().ToHexString()}-01";
        var before = Activity.Current;
        Activity.Current = null;
        try
        {
            await using var tx = await _one.Db.BeginAsync(CancellationToken.None);
            Write(tx, "a");
            Write(tx, "b");
            Assert.That(Activity.Current, Is.Null, "the trace does not outlive the transaction");
            tx.FollowTrace(stored);
            Write(tx, "c");
            await tx.CommitAsync();
        }
        finally
        {
            Activity.Current = before;
        }

        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(_events.Heard<AuditEventOccurred>().Count(one => one.OrganizationId == organization) >= 3), "all come");
        var traces = _events.Heard<AuditEventOccurred>().Where(one => one.OrganizationId == organization)
            .DistinctBy(one => one.EventId).ToDictionary(one => one.Message, one => one.TraceId);
        Assert.That(traces["a"], Has.Length.EqualTo(32));
        Assert.That((traces["b"], traces["c"]), Is.EqualTo((traces["a"], stored[3..35])));

        void Write(Tx tx, string message) => tx.Audit(
            Caller.OfSystem("tests", organization), TimeProvider.System.GetUtcNow(), "environment_scanned", new AuditTarget("", null, ""),
            message);
    }

    private Task<TestHost> StartHostAsync() => TestHost.StartAsync(
        _database, _prefix, consumes: false, Map, services => services.Configure<PostgresOptions>(options => options.RefusalSeconds = 2));

    private static void Map(IEndpointRouteBuilder app)
    {
        var org = app.MapGroup("/orgs/{org}").RequireAuthorization(Permission.EnvironmentsRead);
        org.MapGet("/closed", () => "open").RequireAuthorization(Permission.MembersWrite).WithName("Closed");
        org.MapGet("/things/{id}", () => Problems.NotFound()).WithName("Thing");
        org.MapGet("/nothing", () => Problems.NotFound()).WithName("Nothing");
        org.MapGet("/files", string () => throw new InvalidInputException("body", "Is\0no file.")).WithName("Files")
            .WithMetadata(new AuditedRefusals("vex_import_refused"));
        org.MapGet("/much", () => Problems.Of(StatusCodes.Status429TooManyRequests, "quota_exceeded", "Too much.", "Less is allowed."))
            .WithName("Much");
    }

    private static async Task RefuseAsync(TestHost host, TestCaller caller, string path)
    {
        using var client = host.As(caller);
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.That((int)response.StatusCode, Is.InRange(400, 499), await response.Content.ReadAsStringAsync());
    }

    private async Task<AuditEventOccurred> OneOfAsync(TestCaller caller)
    {
        await Eventually.BecomesTrueAsync(() => Task.FromResult(Heard(caller).Length > 0), "the event comes", seconds: 60);
        return Heard(caller)[0];
    }

    private long[] CountsOf(TestCaller caller) => [.. Heard(caller).Select(heard => heard.Meta.GetProperty("count").GetInt64())];

    private AuditEventOccurred[] Heard(TestCaller caller) =>
        [.. _events.Heard<AuditEventOccurred>().Where(one => one.Actor.Id == caller.SubjectId.ToString()).DistinctBy(one => one.EventId)];
}
