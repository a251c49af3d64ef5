using System.Diagnostics;
using System.Text.Json.Nodes;

namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>How a run of the agent ended.</summary>
internal sealed record Ended(int ExitCode, string Out, string Error)
{
    public JsonNode Json() => JsonNode.Parse(Out)!;
}

/// <summary>A user's machine: a home folder, environment variables, and the agent run in it.</summary>
internal sealed class UserMachine : IDisposable
{
    private readonly TemporaryFolder _home = new();

    public Dictionary<string, string> Variables { get; } = new(StringComparer.Ordinal);

    public string Home => _home.Path;

    public string SettingsFile => _home.Combine(".config/envplatform/settings.json");

    public string In { get; set; } = "";

    public bool IsTerminal { get; set; }

    public bool ErrorIsTerminal { get; set; }

    public string HostName { get; init; } = "ada-laptop";

    public void Dispose() => _home.Dispose();

    public string Write(string relative, string content = "") => _home.Write(relative, content);

    /// <summary>An environment of two packages, one of them of PyPI.</summary>
    public string Environment(string relative = "envs/science")
    {
        Write(relative + "/conda-meta/history", "# cmd: conda install -c https://conda.anaconda.org/t/secret/team openssl\n");
        Write(relative + "/conda-meta/openssl-1.1.1k-h27cfd23_0.json", """
            {"name": "openssl", "version": "1.1.1k", "build": "h27cfd23_0", "subdir": "linux-64", "channel": "https://repo.anaconda.com/pkgs/main/linux-64"}
            """);
        Write(relative + "/lib/python3.9/site-packages/requests-2.25.1.dist-info/RECORD");
        return _home.Combine(relative);
    }

    /// <summary>The variables of a signed-in agent.</summary>
    public void SignIn(RecordedPlatform platform)
    {
        Variables["ENVPLATFORM_URL"] = platform.Url;
        Variables["ENVPLATFORM_TOKEN"] = "envp_test";
        Variables["ENVPLATFORM_ORG"] = RecordedPlatform.Org;
        Variables["ENVPLATFORM_MACHINE_ID"] = "0192f0c1-0000-7000-8000-000000000001";
    }

    /// <summary>This machine as a run of the agent sees it.</summary>
    public Surroundings Surroundings(TextWriter output, TextWriter error) => new()
    {
        In = new StringReader(In),
        Out = output,
        Error = error,
        InIsTerminal = IsTerminal,
        OutIsTerminal = IsTerminal,
        ErrorIsTerminal = ErrorIsTerminal,
        Variables = Variables,
        HomeFolder = Home,
        CurrentFolder = Home,
        HostName = HostName,
    };

    public async Task<Ended> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.RunAsync(args, Surroundings(output, error), CancellationToken.None);
        return new Ended(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>How a process of this machine is started: in the home folder, with the variables of this machine and no others.</summary>
    public ProcessStartInfo Start(string program, params IEnumerable<string> args)
    {
        var start = new ProcessStartInfo(program, args)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Home,
        };
        var kept = new[] { "PATH", "DOTNET_ROOT", "TMPDIR", "SystemRoot" }.Select(
            name => (name, System.Environment.GetEnvironmentVariable(name))).ToArray();
        start.Environment.Clear();
        start.Environment["HOME"] = Home;
        // A cold start on a busy machine may take longer than an activation should wait.
        start.Environment["ENVPLATFORM_CHECK_TIMEOUT_MS"] = "10000";
        foreach (var (name, value) in kept.Concat(Variables.Select(variable => (variable.Key, (string?)variable.Value))))
        {
            if (value is not null)
            {
                start.Environment[name] = value;
            }
        }

        return start;
    }

    /// <summary>Runs the agent's program as a process of this machine; <see cref="In"/> is its standard input.</summary>
    public async Task<Ended> RunProgramAsync(string program, params IEnumerable<string> args)
    {
        using var process = Process.Start(Start(program, args))!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            await process.StandardInput.WriteAsync(In);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It may have ended without reading.
        }

        await process.WaitForExitAsync();
        return new Ended(process.ExitCode, await output, await error);
    }
}
