using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

using EnvPlatform.LocalServers;

using Microsoft.Extensions.Configuration;

namespace EnvPlatform.AppHost;

/// <summary>What <c>./run</c> passes on, as <c>--name value</c>; all other arguments are Aspire's.</summary>
internal sealed class AppHostOptions
{
    private const int DefaultPort = 8_080;
    private const int DefaultDashboardPort = 18_888;
    private const int MostInstances = 8;
    private readonly string[] _args;

    private AppHostOptions(string[] args) => _args = args;

    /// <summary>Where the first gateway listens on loopback: <c>--port</c>, otherwise 8080 or, where that is taken, a free one.</summary>
    public int Port { get; private init; }

    /// <summary>
    /// Where people reach the platform: the variable <c>PUBLIC_URL</c>, such as that of a proxy in front, otherwise the gateway on this
    /// machine.
    /// </summary>
    public string PublicUrl => Environment.GetEnvironmentVariable("PUBLIC_URL") is { Length: > 0 } given
        ? given.TrimEnd('/') : $"http://localhost:{Port}";

    /// <summary>The data folder: <c>--data</c>, otherwise <c>.data</c> in the working directory.</summary>
    public string Data { get; private init; } = "";

    /// <summary>Servers run in containers: <c>--containers true</c>.</summary>
    public bool Containers { get; private init; }

    /// <summary>The Aspire dashboard is started: not with <c>--dashboard false</c>.</summary>
    public bool Dashboard { get; private init; }

    /// <summary>Processes of each service and of the gateway: <c>--instances</c>, 1 to 8, otherwise 1.</summary>
    public int Instances { get; private init; }

    /// <summary>Where the first start writes how to sign in.</summary>
    public string BootstrapFile => Path.Combine(Data, "bootstrap.json");

    /// <summary>Writes what is wrong to standard error when it returns false.</summary>
    public static bool TryParse(string[] args, [NotNullWhen(true)] out AppHostOptions? options)
    {
        var given = new ConfigurationBuilder().AddCommandLine(args).Build();
        options = null;
        if (!Read(given, "port", 1, 65_535, 0, out var port) || !Read(given, "instances", 1, MostInstances, 1, out var instances)
            || !Read(given, "containers", false, out var containers) || !Read(given, "dashboard", true, out var dashboard))
        {
            return false;
        }

        if (port != 0 && !FreePorts.IsFree(port) && given["publisher"] is null)
        {
            Console.Error.WriteLine($"Port {port} is in use. Choose another with --port.");
            return false;
        }

        if (port == 0)
        {
            port = FreePorts.IsFree(DefaultPort) ? DefaultPort : FreePorts.Next();
        }

        options = new AppHostOptions(args)
        {
            Port = port,
            Data = Path.GetFullPath(given["data"] ?? ".data"),
            Containers = containers,
            Dashboard = dashboard,
            Instances = instances,
        };
        return true;
    }

    public DistributedApplicationOptions ToBuilderOptions()
    {
        if (Dashboard)
        {
            // The dashboard and its resource service listen on loopback, without a certificate.
            var page = FreePorts.IsFree(DefaultDashboardPort) ? DefaultDashboardPort : FreePorts.Next();
            SetUnlessGiven("ASPNETCORE_URLS", $"http://127.0.0.1:{page}");
            SetUnlessGiven("ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", $"http://127.0.0.1:{FreePorts.Next()}");
            SetUnlessGiven("ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL", $"http://127.0.0.1:{FreePorts.Next()}");
        }

        return new DistributedApplicationOptions
        {
            Args = _args,
            DisableDashboard = !Dashboard,

            // Everything is on loopback; a developer certificate on the machine would otherwise change how servers listen.
            AllowUnsecuredTransport = true,
            TrustDeveloperCertificate = false,
            DeveloperCertificateDefaultHttpsTerminationEnabled = false,
        };
    }

    /// <summary>Writes what is missing to standard error when it returns false.</summary>
    public async Task<bool> CanRunAsync()
    {
        if (!Containers || await AnswersAsync("docker") || await AnswersAsync("podman"))
        {
            return true;
        }

        await Console.Error.WriteLineAsync(
            "--containers needs a container engine, and neither docker nor podman answers here. "
            + "Start one, or leave the option out to run the servers as processes of this machine.");
        return false;
    }

    private static async Task<bool> AnswersAsync(string engine)
    {
        try
        {
            var info = new ProcessStartInfo(engine, ["version", "--format", "{{.Server.Version}}"])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var process = Process.Start(info)!;
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await Task.WhenAll(process.StandardOutput.ReadToEndAsync(patience.Token), process.StandardError.ReadToEndAsync(patience.Token));
            await process.WaitForExitAsync(patience.Token);
            return process.ExitCode == 0;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or OperationCanceledException)
        {
            return false;
        }
    }

    private static void SetUnlessGiven(string variable, string value)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable)))
        {
            Environment.SetEnvironmentVariable(variable, value);
        }
    }

    private static bool Read(IConfiguration given, string name, int least, int most, int otherwise, out int value)
    {
        value = otherwise;
        if (given[name] is not { } text
            || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= most))
        {
            return true;
        }

        Console.Error.WriteLine($"--{name} must be a number from {least} to {most}, not {text}.");
        return false;
    }

    private static bool Read(IConfiguration given, string name, bool otherwise, out bool value)
    {
        value = otherwise;
        if (given[name] is not { } text || bool.TryParse(text, out value))
        {
            return true;
        }

        Console.Error.WriteLine($"--{name} must be true or false, not {text}.");
        return false;
    }
}
