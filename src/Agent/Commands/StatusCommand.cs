using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Commands;

/// <summary>Shows who is signed in, whether the platform answers, and what it knows of this machine and the active environment.</summary>
internal sealed class StatusCommand : Command
{
    public StatusCommand(Surroundings surroundings)
        : base("status", "Who am I, does the platform answer, which machine and environment is this?")
    {
        var json = new Option<bool>("--json") { Description = "Answer in JSON." };
        Add(json);
        SetAction((parsed, ct) => RunAsync(parsed.GetValue(json), surroundings, ct));
    }

    private static async Task<int> RunAsync(bool json, Surroundings surroundings, CancellationToken ct)
    {
        var settings = Settings.Load(surroundings);
        var (caller, trouble, elapsed) = await AskAsync(surroundings, settings, ct);
        var signIn = SignedIn.Of(surroundings, settings);
        if (trouble is null)
        {
            await new SignInRecord(surroundings, settings).CatchUpAsync(ct);
        }

        (string Name, string? Value)[] fields =
        [
            ("platform", settings.Url ?? "not set"),
            ("reachable", trouble is null ? $"yes, in {elapsed.TotalMilliseconds:0} ms" : "no: " + trouble),
            ("signed_in_as", caller?.Text()),
            ("signed_in_by", signIn.ByText),
            ("kept_in", signIn.Place),
            ("good_until", await signIn.UntilAsync(surroundings, settings)),
            ("organization", settings.Organization ?? "not chosen"),
            ("machine_id", settings.MachineId?.ToString() ?? "none yet: made at the first registration"),
            ("hostname", surroundings.HostName),
            ("machine_platform", CondaPlatform.OfThisMachine()),
            ("environment", surroundings["CONDA_PREFIX"] ?? "none is active"),
            ("settings", settings.File),
            ("cache", Settings.CacheFolder(surroundings)),
            ("agent", Surroundings.Version),
        ];

        var screen = new Screen(surroundings);
        if (json)
        {
            screen.Json(Encoding.UTF8.GetBytes(ToJson(settings, surroundings, caller, trouble, elapsed, signIn).ToJsonString()));
        }
        else
        {
            screen.Fields([.. fields.Select(field => (field.Name.Replace('_', ' '), field.Value))]);
        }

        return trouble is null ? ExitCodes.Fine : ExitCodes.CouldNot;
    }

    private static JsonObject ToJson(
        Settings settings, Surroundings surroundings, Caller? caller, string? trouble, TimeSpan elapsed, SignedIn signIn) =>
        new()
        {
            ["platform"] = settings.Url,
            ["reachable"] = trouble is null,
            ["trouble"] = trouble,
            ["latency_ms"] = trouble is null ? Math.Round(elapsed.TotalMilliseconds, 1) : null,
            ["signed_in_as"] = caller?.Text(),
            ["signed_in_by"] = signIn.By,
            ["kept_in"] = signIn.KeptIn,
            ["pending_revocations"] = settings.Stored.PendingRevocations is not null,
            ["organization"] = settings.Organization,
            ["machine_id"] = settings.MachineId?.ToString(),
            ["hostname"] = surroundings.HostName,
            ["machine_platform"] = CondaPlatform.OfThisMachine(),
            ["environment"] = surroundings["CONDA_PREFIX"],
            ["settings"] = settings.File,
            ["cache"] = Settings.CacheFolder(surroundings),
            ["agent"] = Surroundings.Version,
        };

    private static async Task<(Caller? Caller, string? Trouble, TimeSpan Elapsed)> AskAsync(
        Surroundings surroundings, Settings settings, CancellationToken ct)
    {
        var started = surroundings.Clock.GetTimestamp();
        try
        {
            using var client = Session.Connect(surroundings, settings);
            var answer = await client.GetAsync("api/v1/me", new CallOptions(Retry: false, TimeSpan.FromSeconds(10)), ct);
            return (answer.As(AgentJson.Default.Caller), null, surroundings.Clock.GetElapsedTime(started));
        }
        catch (AgentException failure) when (failure.ExitCode == ExitCodes.CouldNot)
        {
            return (null, failure.Message, default);
        }
    }

    /// <summary>How the user signed in, and where the secrets are.</summary>
    private sealed record SignedIn(string? By, string? KeptIn, string? Place)
    {
        public string? ByText => By switch
        {
            SignInRecord.ByBrowser => "browser",
            SignInRecord.ByDevice => "a code typed in a browser",
            SignInRecord.ByPassword => "password",
            SignInRecord.ByToken => "a token that was handed over",
            _ => By,
        };

        public static SignedIn Of(Surroundings surroundings, Settings settings)
        {
            if (surroundings["ENVPLATFORM_TOKEN"] is not null)
            {
                return new SignedIn(SignInRecord.ByToken, "environment", "the environment variable ENVPLATFORM_TOKEN");
            }

            var stored = settings.Stored;
            return settings.IsForStoredUrl && (stored.Token ?? stored.KeptIn) is not null
                ? new SignedIn(
                    stored.Method ?? SignInRecord.ByToken, stored.KeptIn ?? "settings",
                    new CredentialStore(surroundings, settings).Place(stored.KeptIn))
                : new SignedIn(null, null, null);
        }

        public async Task<string?> UntilAsync(Surroundings surroundings, Settings settings)
        {
            try
            {
                return KeptIn is not (CredentialStore.InKeyring or CredentialStore.InFile) ? null
                    : await new CredentialStore(surroundings, settings).ReadAsync() is not { } credentials ? null
                    : credentials.RefreshToken is null
                        ? credentials.ExpiresAt is { } end ? Times.Minute(end) + " UTC" : null
                    : "it is renewed by itself; the present token is good until "
                        + (Times.Minute(credentials.ExpiresAt) is { } time ? time + " UTC" : "a time that is not known");
            }
            catch (AgentException failure)
            {
                return "not known: " + failure.Message;
            }
        }
    }
}
