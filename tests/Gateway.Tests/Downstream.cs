using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Gateway.Tests;

/// <summary>A server on a socket that echoes the request: what a service behind the gateway receives.</summary>
internal sealed class Downstream : IAsyncDisposable
{
    private static readonly string[] Services = ["identity", "ingest", "scanner", "policy", "audit"];
    private readonly ConcurrentDictionary<ConnectionContext, bool> _connections = new();
    private WebApplication _app = null!;
    private int _requests;
    private bool _dead;

    private Downstream()
    {
    }

    public string Address { get; private set; } = null!;

    /// <summary>The number of forwarded requests received.</summary>
    public int Requests => Volatile.Read(ref _requests);

    public bool IsReady { get; set; } = true;

    /// <param name="breaksConnections">Each forwarded request breaks its connection instead of being answered.</param>
    public static async Task<Downstream> StartAsync(bool breaksConnections = false)
    {
        var downstream = new Downstream();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(next => async connection =>
            {
                downstream._connections[connection] = true;
                await next(connection);
                downstream._connections.TryRemove(connection, out _);
            }));
        });
        var server = builder.Build();
        server.MapGet("/openapi/v1.json", () => Results.Text(
            """
            {"openapi":"3.1.1","info":{"title":"x","version":"1"},"paths":{
              "/api/v1/orgs/{org}/environments":{"get":{"tags":["Environments"],"operationId":"ListEnvironments",
                "parameters":[{"in":"path","name":"org","required":true,"schema":{"type":"string"}}],"responses":{"200":{"description":"OK",
                "content":{"application/json":{"schema":{"$ref":"#/components/schemas/ProblemDetails"}}}}}}},
              "/internal":{"get":{"responses":{"200":{"description":"OK"}}}}},
             "components":{"schemas":{"ProblemDetails":{"type":"object","properties":{"another":{"type":"string"}}}}}}
            """, "application/json"));
        server.MapGet(
            "/health/ready",
            () => Results.StatusCode(downstream.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable));
        server.Map("/{**path}", http =>
        {
            Interlocked.Increment(ref downstream._requests);
            if (breaksConnections)
            {
                http.Abort();
                return Task.CompletedTask;
            }

            return AnswerAsync(http);
        });
        await server.StartAsync();
        (downstream._app, downstream.Address) = (server, server.Urls.Single());
        return downstream;
    }

    /// <summary>Dies as a process does: connections break and the port is closed.</summary>
    public async Task KillAsync()
    {
        _dead = true;
        var stopped = _app.StopAsync(new CancellationToken(canceled: true));
        foreach (var connection in _connections.Keys)
        {
            connection.Abort();
        }

        await stopped;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_dead)
        {
            await _app.StopAsync();
        }

        await _app.DisposeAsync();
    }

    private static async Task AnswerAsync(HttpContext http)
    {
        long length = 0;
        var buffer = new byte[64 * 1024];
        for (int read; (read = await http.Request.Body.ReadAsync(buffer)) > 0;)
        {
            length += read;
        }

        var header = http.Request.Headers[Assertion.Header];
        var (audience, assertion) = header.Count == 1 ? Read(header.ToString()) : default;
        await http.Response.WriteAsJsonAsync(new
        {
            path = http.Request.Path.Value,
            length,
            headers = http.Request.Headers.Select(h => h.Key),
            trace_parent = http.Request.Headers.TraceParent.ToString(),
            audience,
            assertion,
        });
    }

    /// <summary>The service that the assertion is meant for, and what it says.</summary>
    private static (string? Audience, Assertion? Assertion) Read(string header) =>
        Services.Select(service => (Audience: (string?)service, Assertion: Assertion.Verify(
                header, new CallKeys([TestKeys.Of(Assertion.Gateway, service)], []), TimeProvider.System.GetUtcNow())))
            .SingleOrDefault(read => read.Assertion is not null);
}

internal static class HttpExtensions
{
    public static async Task<JsonObject> JsonAsync(this HttpResponseMessage response) =>
        JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject();
}
