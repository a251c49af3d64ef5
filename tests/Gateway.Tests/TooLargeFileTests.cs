using System.Net;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

using Yarp.ReverseProxy.Configuration;

namespace EnvPlatform.Gateway.Tests;

/// <summary>What the gateway refuses by itself is in the audit log, which it has no way to write to.</summary>
public sealed class TooLargeFileTests
{
    private Platform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await Platform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task A_file_that_is_too_large_to_be_forwarded_is_in_the_audit_log()
    {
        await using var events = await EventRecorder.StartAsync(_platform.Identity.MessagingPrefix, on => on.Event<AuditEventOccurred>());
        using var client = _platform.AsOperator();
        client.DefaultRequestHeaders.TransferEncodingChunked = true;
        client.DefaultRequestHeaders.Add("X-Request-Id", "too-large");
        client.DefaultRequestHeaders.UserAgent.ParseAdd("agent/1.0");
        using var content = new ByteArrayContent(new byte[18_000_000]);
        using var response = await client.PostAsync(new Uri("/api/v1/orgs/default/vulnerabilities/vex", UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
        var heard = await Eventually.GetAsync(
            () => Task.FromResult(events.Heard<AuditEventOccurred>().FirstOrDefault(one => one.RequestId == "too-large")),
            "the event comes", seconds: 60);
        Assert.Multiple(() =>
        {
            Assert.That(heard.OrganizationName, Is.EqualTo("default"));
            Assert.That(heard.Actor.Email, Is.EqualTo("administrator@localhost"));
            Assert.That(heard.Target.Id, Is.EqualTo("ImportVex"));
            Assert.That((heard.SourceAddress, heard.UserAgent), Is.EqualTo(("127.0.0.1", "agent/1.0")));
            Assert.That(heard.TraceId, Has.Length.EqualTo(32));
            Assert.That(heard.Meta.GetProperty("status").GetInt32(), Is.EqualTo(413));
            Assert.That(heard.Meta.GetProperty("detail").GetString(), Does.Contain("16777216"));
        });
    }

    [Test]
    public void A_route_that_names_an_action_of_the_audit_log_names_one_of_the_catalogue()
    {
        var named = _platform.Gateway.Services.GetRequiredService<IProxyConfigProvider>().GetConfig().Routes
            .Where(route => route.Metadata?.ContainsKey("RefusalAction") == true).ToArray();
        Assert.That(named, Has.Length.EqualTo(2));
        Assert.That(named.Select(route => AuditActions.CategoryOf.ContainsKey(route.Metadata!["RefusalAction"])), Is.All.True);
        Assert.That(named.Select(route => route.Metadata!["RefusalOperation"]), Is.All.StartsWith("Import"));
    }
}
