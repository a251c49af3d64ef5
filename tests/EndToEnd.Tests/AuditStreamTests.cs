using System.Net;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>A subscriber of the audit log, through the gateway.</summary>
public sealed class AuditStreamTests
{
    [Test]
    public async Task What_somebody_does_reaches_a_subscriber_while_the_stream_is_open()
    {
        var organization = await Organization.CreateAsync(SharedPlatform.Platform);
        var machine = Guid.CreateVersion7();
        using var api = SharedPlatform.Platform.Client(organization.Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/audit-logs/stream?q=target_id:{machine}");
        request.Headers.Add("X-Org-Name", organization.Slug);
        using var response = await api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.That(await lines.ReadLineAsync(), Does.StartWith("retry:"));

        await api.PutAsync($"{organization.Path}/machines/{machine}", new { hostname = "h", platform = "linux-64", agent_version = "1" });
        string? line;
        do
        {
            line = await lines.ReadLineAsync();
            Assert.That(line, Is.Not.Null, "the stream ended");
        }
        while (line != "event: machine_registered");
        Assert.That(await lines.ReadLineAsync(), Does.StartWith("data: {").And.Contains(machine.ToString()));
    }
}
