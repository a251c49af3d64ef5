using System.CommandLine;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Signs in, with a browser, a code or a token; chooses the organization; and sets up what the organization asks of this machine.
/// </summary>
internal sealed class LoginCommand : Command
{
    private readonly Option<string?> _url =
        new("--url") { Description = "The address of the platform (ENVPLATFORM_URL).", HelpName = "URL" };

    private readonly Option<bool> _device = new("--device")
    {
        Description = "Show an address and a code to type in a browser on any machine, as where this machine has no browser.",
    };

    private readonly Option<string?> _token = new("--token")
    {
        Description = "A token instead; '-' reads it from standard input, where other users cannot see it (ENVPLATFORM_TOKEN).",
        HelpName = "TOKEN",
    };

    private readonly Option<string?> _org =
        new("--org") { Description = "The organization, where there are several (ENVPLATFORM_ORG).", HelpName = "SLUG" };

    private readonly Option<string?> _email = new("--email")
    {
        Description = "Sign in by password, for some hours, without a browser: it is asked for, or read from standard input.",
        HelpName = "ADDRESS",
    };

    private readonly Option<bool> _yes = new("--yes")
    {
        Description = "Install the activation hook and log all environments without asking.",
    };

    private readonly Option<bool> _noInstall = new("--no-install") { Description = "Sign in and register the machine only." };

    public LoginCommand(Surroundings surroundings)
        : base("login", "Sign in, choose the organization, and set this machine up for it.")
    {
        Add(_url);
        Add(_org);
        Add(_device);
        Add(_token);
        Add(_email);
        Add(_yes);
        Add(_noInstall);
        Validators.Add(result =>
        {
            if (new Option[] { _device, _token, _email }.Count(option => result.GetResult(option) is { Implicit: false }) > 1)
            {
                result.AddError("Give only one of --device, --token, --email.");
            }

            if (result.GetValue(_yes) && result.GetValue(_noInstall))
            {
                result.AddError("Give only one of --yes, --no-install.");
            }
        });
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        var settings = Settings.Load(surroundings);
        var url = (parsed.GetValue(_url) ?? settings.Url)?.TrimEnd('/')
            ?? throw new AgentException("Say where the platform is: 'envplatform login --url https://...'.", ExitCodes.Usage);
        var address = Session.Address(url);
        if (address.Scheme == "http" && !address.IsLoopback)
        {
            screen.Warn($"{url} is not encrypted: others on the network can read the token.");
        }

        var record = new SignInRecord(surroundings, settings);
        var mayAsk = surroundings.ErrorIsTerminal;
        var (credentials, method) = await SignInAsync(parsed, url, surroundings, settings, ct);
        var place = "";
        if (method is SignInRecord.ByBrowser or SignInRecord.ByDevice)
        {
            // At once: what follows may fail, and the sign-in is made.
            place = await record.KeepAsync(credentials, method, organization: null, mayAsk, ct);
        }

        using var client = new PlatformClient(address, TokenSource.Fixed(credentials.Token), surroundings.Clock);
        var caller = (await client.GetAsync("api/v1/me", CallOptions.Usual, ct)).As(AgentJson.Default.Caller);
        var wanted = parsed.GetValue(_org) ?? surroundings["ENVPLATFORM_ORG"];
        var organization = await new OrganizationChoice(client, caller, surroundings).ChooseAsync(wanted, method, ct);
        if (place.Length > 0 || method is null)
        {
            settings.Update(stored => stored with { Organization = organization?.Slug, SaidDisabled = null });
        }
        else
        {
            place = await record.KeepAsync(credentials, method, organization?.Slug, mayAsk, ct);
        }

        await record.CatchUpAsync(ct);
        screen.Line($"Signed in to {url} as {caller.Text()}"
            + (organization is null ? "." : $", organization {organization.Slug}."));
        if (place.Length > 0)
        {
            screen.Note(place);
        }

        return organization is null
            ? ExitCodes.Fine
            : await new MachineSetUp(surroundings, parsed.GetValue(_yes), parsed.GetValue(_noInstall))
                .RunAsync(organization, isPerson: method is SignInRecord.ByBrowser or SignInRecord.ByDevice, ct);
    }

    /// <summary>The method is null where the present sign-in is used, to choose another organization.</summary>
    private async Task<(StoredCredentials Credentials, string? Method)> SignInAsync(
        ParseResult parsed, string url, Surroundings surroundings, Settings settings, CancellationToken ct)
    {
        if (parsed.GetValue(_email) is { } email)
        {
            return (new StoredCredentials(url, await PasswordAsync(url, email, surroundings, ct)), SignInRecord.ByPassword);
        }

        var given = parsed.GetValue(_token) ?? (parsed.GetValue(_device) ? null : surroundings["ENVPLATFORM_TOKEN"]);
        if (given is not null)
        {
            return (new StoredCredentials(url, await TokenAsync(given, surroundings, ct)), SignInRecord.ByToken);
        }

        if (parsed.GetValue(_org) is not null && !parsed.GetValue(_device) && url == settings.Stored.Url
            && TokenSource.Of(surroundings, settings) is { } present)
        {
            try
            {
                return (new StoredCredentials(url, await present.GetAsync()), null);
            }
            catch (SignInEndedException)
            {
                // Then anew.
            }
        }

        using var server = await OAuthServer.DiscoverAsync(url, surroundings.Clock, ct);
        if (server is null)
        {
            return surroundings.InIsTerminal && surroundings.ErrorIsTerminal
                ? (new StoredCredentials(url, await TokenAsync("-", surroundings, ct)), SignInRecord.ByToken)
                : throw new AgentException(
                    "This platform offers no sign-in by browser: give a token with '--token -', which reads it from standard input.",
                    ExitCodes.Usage);
        }

        if (!parsed.GetValue(_device) && server.Metadata.AuthorizationEndpoint is not null && Browser.IsThere(surroundings))
        {
            if (await BrowserSignIn.RunAsync(server, surroundings, ct) is { } credentials)
            {
                return (credentials, SignInRecord.ByBrowser);
            }

            new Screen(surroundings).Note("No browser could be opened here.");
        }

        return server.Metadata.DeviceAuthorizationEndpoint is not null
            ? (await DeviceSignIn.RunAsync(server, surroundings, ct), SignInRecord.ByDevice)
            : throw new AgentException(
                "This machine has no browser, and the platform offers no sign-in by code: give a token with '--token -'.");
    }

    private static async Task<string> PasswordAsync(string url, string email, Surroundings surroundings, CancellationToken ct)
    {
        var password = surroundings.InIsTerminal && surroundings.ErrorIsTerminal
            ? HiddenPrompt.Read(surroundings, "Password: ")
            : await surroundings.In.ReadLineAsync(ct);
        using var client = new PlatformClient(Session.Address(url), null, surroundings.Clock);
        var body = JsonSerializer.SerializeToUtf8Bytes(new PasswordSignIn(email, password ?? ""), AgentJson.Default.PasswordSignIn);
        var answer = await client.WriteAsync(HttpMethod.Post, "api/v1/sign-in", () => JsonBody.Of(body), CallOptions.Usual, ct);
        return answer.As(AgentJson.Default.SignedIn).Token;
    }

    private static async Task<string> TokenAsync(string given, Surroundings surroundings, CancellationToken ct)
    {
        var token = given != "-" ? given
            : surroundings.InIsTerminal && surroundings.ErrorIsTerminal ? HiddenPrompt.Read(surroundings, "Token: ")
            : await surroundings.In.ReadLineAsync(ct);
        token = token?.Trim();
        if (string.IsNullOrEmpty(token))
        {
            throw new AgentException(
                "Give a token: 'envplatform login --token TOKEN', or '--token -' to read it from standard input.", ExitCodes.Usage);
        }

        return token.All(character => char.IsAsciiLetterOrDigit(character) || "-._~+/=".Contains(character, StringComparison.Ordinal))
            ? token
            : throw new AgentException("This is not a token: tokens have no spaces or special characters.", ExitCodes.Usage);
    }
}
