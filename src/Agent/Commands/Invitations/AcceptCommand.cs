using System.CommandLine;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Commands.Invitations;

/// <summary>
/// Accepts an invitation: by its id where the platform knows that the address is one's own, otherwise with the token that the administrator
/// handed over. Whoever is not signed in makes an account with it.
/// </summary>
internal sealed class AcceptCommand : Command
{
    private readonly Argument<Guid?> _id = new("id")
    {
        Description = "The invitation's id, from the list, where your address is verified.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _token = new("--token")
    {
        Description = "The invitation's token; '-' reads it from standard input, where other users cannot see it.",
        HelpName = "TOKEN",
    };

    private readonly Option<bool> _newAccount = new("--new-account")
    {
        Description = "Make an account with the token; the password is asked for, or read from standard input after the token.",
    };

    private readonly Option<string?> _url =
        new("--url") { Description = "The address of the platform, with --new-account (ENVPLATFORM_URL).", HelpName = "URL" };

    public AcceptCommand(Surroundings surroundings)
        : base("accept", "Accept an invitation, and sign in to its organization.")
    {
        Validators.Add(command =>
        {
            var byToken = command.GetResult(_token) is { Tokens.Count: > 0 };
            if (command.GetResult(_id) is { Tokens.Count: > 0 } == byToken)
            {
                command.AddError("Give the id of an invitation, or --token.");
            }
            else if (command.GetValue(_newAccount) && !byToken)
            {
                command.AddError("--new-account needs --token.");
            }
        });
        Add(_id);
        Add(_token);
        Add(_newAccount);
        Add(_url);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        var settings = Settings.Load(surroundings);
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_id) is { } id)
        {
            using var client = Session.Connect(surroundings, settings);
            var answer = await client.WriteAsync(
                HttpMethod.Post, $"api/v1/me/invitations/{id}/accept", null, CallOptions.Usual, ct);
            var joined = answer.As(AgentJson.Default.OrganizationView);
            screen.Line($"You are {joined.Role} of {joined.Slug}.");
            screen.Note($"Next: envplatform login --org {joined.Slug}");
            return ExitCodes.Fine;
        }

        var token = parsed.GetValue(_token) is "-" ? await surroundings.In.ReadLineAsync(ct) : parsed.GetValue(_token);
        if (string.IsNullOrWhiteSpace(token))
        {
            throw new AgentException("Give the invitation's token.", ExitCodes.Usage);
        }

        return parsed.GetValue(_newAccount)
            ? await JoinAsync(parsed, token.Trim(), settings, surroundings, ct)
            : await AcceptAsync(token.Trim(), settings, surroundings, ct);
    }

    /// <summary>The account's own token is good elsewhere and stays the one that is kept: the new one is printed.</summary>
    private static async Task<int> AcceptAsync(string token, Settings settings, Surroundings surroundings, CancellationToken ct)
    {
        using var client = Session.Connect(surroundings, settings);
        var joined = await SendAsync(client, "api/v1/me/invitations/accept", new InvitationAnswer(token), ct);
        var screen = new Screen(surroundings);
        if (joined.Token is null)
        {
            screen.Line($"You are {joined.Organization.Role} of {joined.Organization.Slug} already.");
            return ExitCodes.Fine;
        }

        screen.Note($"You are {joined.Organization.Role} of {joined.Organization.Slug}. A token for it, good until "
            + $"{Times.Minute(joined.TokenExpiresAt)} UTC and shown once, for 'envplatform login --token -':");
        screen.Line(joined.Token);
        return ExitCodes.Fine;
    }

    private async Task<int> JoinAsync(
        ParseResult parsed, string token, Settings settings, Surroundings surroundings, CancellationToken ct)
    {
        var url = (parsed.GetValue(_url) ?? settings.Url)?.TrimEnd('/')
            ?? throw new AgentException("Say where the platform is: --url https://...", ExitCodes.Usage);
        var password = surroundings.InIsTerminal && surroundings.ErrorIsTerminal
            ? HiddenPrompt.Read(surroundings, "A password for the new account: ")
            : await surroundings.In.ReadLineAsync(ct);
        using var client = new PlatformClient(Session.Address(url), null, surroundings.Clock);
        var joined = await SendAsync(client, "api/v1/invitations/accept", new InvitationAnswer(token, password ?? ""), ct);
        var issued = joined.Token
            ?? throw new UnreachableException("The answer holds no token: sign in with 'envplatform login --email ADDRESS'.");
        var place = await new SignInRecord(surroundings, settings).KeepAsync(
            new StoredCredentials(url, issued, joined.TokenExpiresAt), SignInRecord.ByPassword, joined.Organization.Slug,
            mayAsk: surroundings.ErrorIsTerminal, ct);
        var screen = new Screen(surroundings);
        screen.Line($"Signed in to {url}, {joined.Organization.Role} of {joined.Organization.Slug}.");
        screen.Note($"{place} The token is good until {Times.Minute(joined.TokenExpiresAt)} UTC.");
        return ExitCodes.Fine;
    }

    private static async Task<JoinedView> SendAsync(PlatformClient client, string path, InvitationAnswer given, CancellationToken ct)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(given, AgentJson.Default.InvitationAnswer);
        var answer = await client.WriteAsync(HttpMethod.Post, path, () => JsonBody.Of(body), CallOptions.Usual, ct);
        return answer.As(AgentJson.Default.JoinedView);
    }
}
