using System.CommandLine;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Registers this machine with the organization. Logging does so automatically; repeating it changes nothing. With an enrolment key nobody
/// has to be signed in: the machine gets a token of its own.
/// </summary>
internal sealed class RegisterCommand : Command
{
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON." };
    private readonly Option<string?> _key = new("--enrolment-key")
    {
        Description = "Enrol this machine by a key, without signing in; '-' reads it from standard input, where other users cannot see it "
            + "(ENVPLATFORM_ENROLMENT_KEY).",
        HelpName = "KEY",
    };

    private readonly Option<string?> _url =
        new("--url") { Description = "With an enrolment key: the address of the platform (ENVPLATFORM_URL).", HelpName = "URL" };

    public RegisterCommand(Surroundings surroundings)
        : base("register", "Register this machine with the organization.")
    {
        Add(_json);
        Add(_key);
        Add(_url);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        if ((parsed.GetValue(_key) ?? surroundings["ENVPLATFORM_ENROLMENT_KEY"]) is { } given)
        {
            await EnrolAsync(given, parsed.GetValue(_url), surroundings, ct);
        }
        else if (parsed.GetValue(_url) is not null)
        {
            throw new AgentException("--url goes with --enrolment-key: 'envplatform login --url URL' signs in.", ExitCodes.Usage);
        }

        using var session = Session.Open(surroundings);
        await Machine.RegisterAsync(session, ct);
        var id = Machine.IdOf(session);
        if (parsed.GetValue(_json))
        {
            surroundings.Out.WriteLine(
                $$"""{"machine_id":"{{id}}","hostname":"{{JsonEncodedText.Encode(surroundings.HostName)}}","platform":"{{CondaPlatform.OfThisMachine()}}"}""");
        }
        else
        {
            new Screen(surroundings).Line(
                $"Machine {id} ({surroundings.HostName}, {CondaPlatform.OfThisMachine()}) is registered with {session.Organization}.");
        }

        return ExitCodes.Fine;
    }

    /// <summary>Keeps address, organization, machine and its token in the settings, as <c>login</c> does.</summary>
    private static async Task EnrolAsync(string given, string? givenUrl, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        var settings = Settings.Load(surroundings);
        var url = (givenUrl ?? settings.Url)?.TrimEnd('/')
            ?? throw new AgentException(
                "Say where the platform is: 'envplatform register --enrolment-key - --url https://...'.", ExitCodes.Usage);
        var address = Session.Address(url);
        if (address.Scheme == "http" && !address.IsLoopback)
        {
            screen.Warn($"{url} is not encrypted: others on the network can read the key and the token.");
        }

        var key = (given == "-" ? await surroundings.In.ReadLineAsync(ct) : given)?.Trim();
        if (string.IsNullOrEmpty(key))
        {
            throw new AgentException("Give an enrolment key: '--enrolment-key -' reads it from standard input.", ExitCodes.Usage);
        }

        var machine = settings.MachineId ?? Guid.CreateVersion7(surroundings.Clock.GetUtcNow());
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new Enrolment(key, machine, surroundings.HostName, CondaPlatform.OfThisMachine(), Surroundings.Version),
            AgentJson.Default.Enrolment);
        using var client = new PlatformClient(address, null, surroundings.Clock);
        var answer = await client.WriteAsync(HttpMethod.Post, "api/v1/enrol", () => JsonBody.Of(body), CallOptions.Usual, ct);
        var enrolled = answer.As(AgentJson.Default.Enrolled);
        settings.Update(stored => stored with { MachineId = machine });
        var place = await new SignInRecord(surroundings, settings).KeepAsync(
            new StoredCredentials(url, enrolled.Token, enrolled.ExpiresAt), SignInRecord.ByToken, enrolled.Organization, mayAsk: false, ct);
        screen.Note($"Enrolled: the token is good for logging from this machine until {enrolled.ExpiresAt:yyyy-MM-dd}. {place}");
    }
}
