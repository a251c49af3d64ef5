using System.Text.Json.Nodes;

using EnvPlatform.Identity;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Gateway.Tests;

/// <summary>A server on a socket that answers what it was sent: what a service behind the gateway gets to see.</summary>
internal sealed class Downstream : IAsyncDisposable
{
    private readonly WebApplication app;

    private Downstream(WebApplication app) => this.app = app;

    public string Address => app.Urls.Single();

    public static async Task<Downstream> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
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
        server.Map("/{**path}", AnswerAsync);
        await server.StartAsync();
        return new(server);
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private static async Task AnswerAsync(HttpContext http)
    {
        long length = 0;
        var buffer = new byte[64 * 1024];
        for (int read; (read = await http.Request.Body.ReadAsync(buffer)) > 0;)
        {
            length += read;
        }

        var header = http.Request.Headers[Assertion.Header];
        var assertion = header.Count == 1 ? Assertion.Verify(header.ToString(), ServiceFixture<IdentityOptions>.Key, TimeProvider.System.GetUtcNow()) : null;
        await http.Response.WriteAsJsonAsync(new
        {
            path = http.Request.Path.Value,
            length,
            headers = http.Request.Headers.Select(h => h.Key),
            trace_parent = http.Request.Headers.TraceParent.ToString(),
            assertion,
        });
    }
}

internal static class HttpExtensions
{
    public static async Task<JsonObject> JsonAsync(this HttpResponseMessage response) =>
        JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject();
}
