using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>A service that has the shared parts and a few endpoints.</summary>
internal sealed class TestApp : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Uri _address;

    private TestApp(WebApplication app, Uri address)
    {
        _app = app;
        _address = address;
    }

    public static async Task<TestApp> StartAsync(params (string Key, string Value)[] settings)
    {
        var url = new Uri($"http://127.0.0.1:{TestPorts.Next()}");
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Configuration["urls"] = url.ToString();
        builder.Configuration.AddInMemoryCollection(TestKeys.SettingsOf("tests"));
        foreach (var (key, value) in settings)
        {
            builder.Configuration[key] = value;
        }

        builder.Logging.ClearProviders();
        builder.AddServiceDefaults("tests");
        builder.Services.AddValidation();
        var web = builder.Build();
        web.UseServiceDefaults();
        Map(web);
        await web.StartAsync();
        return new TestApp(web, url);
    }

    public HttpClient As(TestCaller? caller)
    {
        // Without the trace of the test itself, which runs in the process of the service.
        var plain = new SocketsHttpHandler { ActivityHeadersPropagator = null };
        return new(
            caller is null
                ? plain
                : new SignedRequests(caller.ToAssertion, TestKeys.Of(Assertion.Gateway, "tests")) { InnerHandler = plain })
        { BaseAddress = _address };
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static void Map(WebApplication web)
    {
        var org = web.MapGroup("/api/v1/orgs/{org}");
        org.MapGet("/things", (Caller caller) => caller.Organization!.Slug).RequireAuthorization(Permission.EnvironmentsLog);
        org.MapPost("/secrets", (Caller caller) => caller.Organization!.Slug).RequireAuthorization(Permission.MembersWrite);
        org.MapPost("/notes", (Note note) => note.Text).RequireAuthorization(Permission.EnvironmentsLog);
        org.MapGet(
            "/list", (string? search, PageQuery page) => new
            {
                search,
                page.Limit,
                page.Sort,
                page.Descending,
                page.After,
                Next = page.Next("a", null, "3"),
            })
            .RequireAuthorization(Permission.EnvironmentsLog);
        org.MapGet("/filtered/{id}", (OrganizationId id, [AsParameters] Filter filter, PageQuery page) => TypedResults.Ok(
            new Page<Filter>([filter], page.Limit, $"{id}")))
            .RequireAuthorization(Permission.EnvironmentsLog);
        org.MapPost("/first", (First.Request request) => TypedResults.Ok(request.Kind)).RequireAuthorization(Permission.EnvironmentsLog);
        org.MapPost("/second", (Second.Request request) => TypedResults.Ok(request.Owner))
            .RequireAuthorization(Permission.EnvironmentsLog);
        org.MapGet("/typed", (int count) => count).RequireAuthorization(Permission.EnvironmentsLog);
        web.MapGet("/crash", IResult () => throw new InvalidOperationException("the inner text")).RequireAuthorization(Access.Anyone);
        web.MapGet("/unprotected", () => "nobody may see this");
    }

    public sealed record Filter([property: MaxLength(10)] string? SomeText = null);

    public static class First
    {
        public sealed record Request([Required] string? Kind);
    }

    public static class Second
    {
        public sealed record Request(SubjectId? Owner, IReadOnlyList<string> Aliases);
    }

    public sealed record Note(
        [MaxLength(10)] string Text, [System.ComponentModel.DataAnnotations.Range(1, 5)] int StarsGiven, IReadOnlyList<Line>? Lines = null,
        [MultiLine] string? Story = null);

    public sealed record Line([MaxLength(5)] string TheName);
}
