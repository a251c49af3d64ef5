using System.CommandLine;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Signs in: asks the platform who the token belongs to, chooses the organization, and saves both in the settings.</summary>
internal sealed class LoginCommand : Command
{
    private readonly Option<string?> _url =
        new("--url") { Description = "The address of the platform (ENVPLATFORM_URL).", HelpName = "URL" };
    private readonly Option<string?> _token = new("--token")
    {
        Description = "The token; '-' reads it from standard input, where other users cannot see it (ENVPLATFORM_TOKEN).",
        HelpName = "TOKEN",
    };

    private readonly Option<string?> _org =
        new("--org") { Description = "The organization, where the token is good for several (ENVPLATFORM_ORG).", HelpName = "SLUG" };

    private readonly Option<string?> _email = new("--email")
    {
        Description = "Sign in by password instead, for some hours: it is asked for, or read from standard input.",
        HelpName = "ADDRESS",
    };

    public LoginCommand(Surroundings surroundings)
        : base("login", "Sign in and choose the organization.")
    {
        Add(_url);
        Add(_token);
        Add(_email);
        Add(_org);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        var settings = Settings.Load(surroundings);
        var url = (parsed.GetValue(_url) ?? settings.Url)?.TrimEnd('/')
            ?? throw new AgentException("Say where the platform is: 'envplatform login --url https://...'.", ExitCodes.Usage);
        var address = Session.Address(url);
        var token = parsed.GetValue(_email) is { } email
            ? await SignInAsync(address, email, surroundings, ct)
            : await TokenAsync(parsed, surroundings, settings, url, ct);
        if (address.Scheme == "http" && !address.IsLoopback)
        {
            screen.Warn($"{url} is not encrypted: others on the network can read the token.");
        }

        using var client = new PlatformClient(address, token, surroundings.Clock);
        var caller = (await client.GetAsync("api/v1/me", CallOptions.Usual, ct)).As(AgentJson.Default.Caller);
        var organization = await ChooseAsync(client, parsed.GetValue(_org) ?? surroundings["ENVPLATFORM_ORG"], caller, surroundings, ct);

        settings.Save(settings.Stored with { Url = url, Token = token, Organization = organization });
        screen.Line($"Signed in to {url} as {caller.Text()}, organization {organization}.");
        screen.Note($"Kept in {settings.File}. Next: envplatform log --all");
        return ExitCodes.Fine;
    }

    private static async Task<string> SignInAsync(Uri address, string email, Surroundings surroundings, CancellationToken ct)
    {
        var password = surroundings.InIsTerminal && surroundings.ErrorIsTerminal
            ? HiddenPrompt.Read(surroundings, "Password: ")
            : await surroundings.In.ReadLineAsync(ct);
        using var client = new PlatformClient(address, null, surroundings.Clock);
        var body = JsonSerializer.SerializeToUtf8Bytes(new PasswordSignIn(email, password ?? ""), AgentJson.Default.PasswordSignIn);
        var answer = await client.WriteAsync(HttpMethod.Post, "api/v1/sign-in", () => JsonBody.Of(body), CallOptions.Usual, ct);
        return answer.As(AgentJson.Default.SignedIn).Token;
    }

    private async Task<string> TokenAsync(
        ParseResult parsed, Surroundings surroundings, Settings settings, string url, CancellationToken ct)
    {
        var token = parsed.GetValue(_token) ?? surroundings["ENVPLATFORM_TOKEN"];
        if (token is null && surroundings.InIsTerminal && surroundings.ErrorIsTerminal)
        {
            token = HiddenPrompt.Read(surroundings, "Token: ");
        }
        else if (token == "-")
        {
            token = await surroundings.In.ReadLineAsync(ct);
        }

        token = token?.Trim() ?? (settings.Stored.Url == url ? settings.Stored.Token : null);
        if (string.IsNullOrEmpty(token))
        {
            throw new AgentException(
                "Give a token: 'envplatform login --token TOKEN', or '--token -' to read it from standard input.", ExitCodes.Usage);
        }

        return token.All(character => char.IsAsciiLetterOrDigit(character) || "-._~+/=".Contains(character, StringComparison.Ordinal))
            ? token
            : throw new AgentException("This is not a token: tokens have no spaces or special characters.", ExitCodes.Usage);
    }

    private static async Task<string> ChooseAsync(
        PlatformClient client, string? wanted, Caller caller, Surroundings surroundings, CancellationToken ct)
    {
        var slugs = caller.Slugs();
        var more = (caller.OrganizationCount ?? slugs.Count) - slugs.Count;
        var list = string.Join(", ", slugs) + (more > 0 ? $" and {more} more" : "");
        if (slugs.Count == 0)
        {
            throw new AgentException("The token belongs to no organization: ask an administrator to add you to one.");
        }

        if (wanted is null && slugs.Count > 1 && surroundings.InIsTerminal)
        {
            await surroundings.Error.WriteAsync($"Which organization ({list})? ");
            wanted = (await surroundings.In.ReadLineAsync(ct))?.Trim();
        }

        if (string.IsNullOrEmpty(wanted))
        {
            return slugs.Count == 1
                ? slugs[0]
                : throw new AgentException($"The token is good for several organizations: add --org with one of {list}.", ExitCodes.Usage);
        }

        return slugs.Contains(wanted, StringComparer.Ordinal) || (more > 0 && await IsOfAsync(client, wanted, ct))
            ? wanted
            : throw new AgentException($"The token is not good for the organization '{wanted}', but for {list}.");
    }

    private static async Task<bool> IsOfAsync(PlatformClient client, string slug, CancellationToken ct) =>
        (await client.GetAsync("api/v1/me/organizations" + Session.Query(("slug", slug)), CallOptions.Usual, ct))
            .As(AgentJson.Default.PageOrganizationView).Items.Count > 0;
}
