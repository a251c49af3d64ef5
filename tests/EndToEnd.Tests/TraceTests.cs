using System.Diagnostics;
using System.Net.Http.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>One trace runs from the agent's request through the outbox, the broker and the consumers to the audit event.</summary>
public sealed class TraceTests
{
    [Test]
    public async Task A_log_can_be_followed_from_the_request_to_the_audit_event()
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        using var api = platform.Client(organization.Token);
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        var environment = new RealEnvironment(
            "trace", "trace", "linux-64", [new("conda", "conda-forge", "linux-64", "trace-" + trace, "1.0", "0")]);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{organization.Path}/environment-logs")
        {
            Content = JsonContent.Create(environment.ToLog(organization.MachineId))
        };
        request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom().ToHexString()}-01");
        using var response = await api.Http.SendAsync(request);
        Assert.That((int)response.StatusCode, Is.EqualTo(201), await response.Content.ReadAsStringAsync());

        string[] expected = ["gateway", "ingest", "scanner", "policy", "audit"];
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(
                expected.All(service => SharedPlatform.Telemetry.Spans.Any(span => span.TraceId == trace && span.Service == service))),
            $"spans of {string.Join(", ", expected)} in trace {trace}", seconds: 30);
        Assert.That(SharedPlatform.Telemetry.Spans.Where(span => span.TraceId == trace).Select(span => span.Name),
            Has.Some.Contains("outbox relay"));
        Assert.That(() => Orphans(trace), Is.All.StartsWith("gateway ").After(20_000, 200),
            "only the gateway's span has a parent outside: the agent's own");

        using var administrator = platform.Client(organization.Token);
        administrator.Http.DefaultRequestHeaders.Add("X-Org-Name", organization.Slug);
        await Eventually.BecomesTrueAsync(
            async () => (await administrator.GetAsync("/api/audit-logs?q=action_key:environment_logged"))
                .GetProperty("items").EnumerateArray()
                .Any(item => item.GetProperty("trace_id").GetString() == trace), "the audit event names the trace");
    }

    /// <summary>Spans whose parent was never sent.</summary>
    private static string[] Orphans(string trace)
    {
        var spans = SharedPlatform.Telemetry.Spans.Where(span => span.TraceId == trace).ToArray();
        var known = spans.Select(span => span.SpanId).ToHashSet();
        return [.. spans.Where(span => !known.Contains(span.ParentId)).Select(span => $"{span.Service} {span.Name}")];
    }

    [Test]
    public async Task Metrics_and_logs_are_sent_too() =>
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(SharedPlatform.Telemetry.Posts.ContainsKey("metrics")
                && SharedPlatform.Telemetry.Posts.ContainsKey("logs")), "metrics and logs arrive", seconds: 30);
}
