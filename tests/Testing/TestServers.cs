using System.Diagnostics;
using System.Text.Json;

using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>
/// The real servers that tests use: those that the variables <c>ENVPLATFORM_TEST_POSTGRES</c>, <c>_RABBITMQ</c> and <c>_REDIS</c> name
/// (connection strings; <c>./test</c> sets them), otherwise private ones, started once for a test run. Where they cannot be started, tests
/// are ignored with the reason, and fail when <c>CI</c> is set.
/// </summary>
public static class TestServers
{
    private static readonly Lazy<Started> Private = new(Start);

    /// <summary>Kept referenced: the servers end with its standard input, which garbage collection would close.</summary>
    private static Process? _servers;

    private sealed record Started(string Postgres = "", string RabbitMq = "", string Redis = "", string? Failure = null);

    public static string Postgres => Given("ENVPLATFORM_TEST_POSTGRES") ?? Need().Postgres;

    /// <summary>As the broker's administrator.</summary>
    public static string RabbitMq => Given("ENVPLATFORM_TEST_RABBITMQ") ?? Need().RabbitMq;

    public static string Redis => Given("ENVPLATFORM_TEST_REDIS") ?? Need().Redis;

    /// <summary>The broker as a service reaches it: as a user with the rights of that service.</summary>
    public static string RabbitMqAs(string service) =>
        new UriBuilder(RabbitMq) { UserName = service, Password = service }.Uri.ToString();

    private static string? Given(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given ? given : null;

    private static Started Need()
    {
        if (Private.Value.Failure is { } failure)
        {
            var reason = $"The servers could not be started: {failure}";
            if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            {
                Assert.Fail(reason);
            }

            Assert.Ignore(reason);
        }

        return Private.Value;
    }

    /// <summary>They run as children of a program that ends with its standard input, so that nothing outlives a killed test run.</summary>
    private static Started Start()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(own.Parent!.Parent!.FullName, "Servers", own.Name, "EnvPlatform.Servers.dll");
        _servers = Process.Start(new ProcessStartInfo("dotnet", [program])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var line = _servers.StandardOutput.ReadLine();
        return line is null ? new(Failure: $"{program} said nothing.") : JsonSerializer.Deserialize<Started>(line)!;
    }
}
