using System.Globalization;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Chooses the organization of a sign-in among those that manage environments: the only one by itself, one of several by the user. Nobody
/// is asked who has no terminal.
/// </summary>
internal sealed class OrganizationChoice(PlatformClient client, Caller caller, Surroundings surroundings)
{
    private const int Tries = 3;

    /// <returns>Null where there is none to choose, which is said.</returns>
    /// <exception cref="AgentException">The wanted one is not the caller's, or one must be named.</exception>
    public async Task<OrganizationView?> ChooseAsync(string? wanted, string? method, CancellationToken ct)
    {
        var all = caller.Views();
        if (all.Count == 0)
        {
            return NoneAtAll(method);
        }

        if (!string.IsNullOrEmpty(wanted))
        {
            return await NamedAsync(all, wanted, ct);
        }

        var enabled = all.Where(view => view.EnvironmentsEnabled != false).ToArray();
        if (enabled.Length == 0)
        {
            new Screen(surroundings).Note(all.Count == 1
                ? $"{all[0].Title} does not manage environments yet: an administrator switches it on in the organization's settings."
                : $"None of your organizations ({List(all)}) manages environments yet: an administrator switches it on in its settings.");
            return all.Count == 1 ? all[0] : null;
        }

        return enabled.Length == 1 && More(all) == 0 ? enabled[0]
            : surroundings.InIsTerminal ? await AskAsync(enabled, all, ct)
            : throw new AgentException($"You belong to several organizations: add --org with one of {List(enabled)}.", ExitCodes.Usage);
    }

    private OrganizationView? NoneAtAll(string? method)
    {
        if (method is not (SignInRecord.ByBrowser or SignInRecord.ByDevice))
        {
            throw new AgentException("The token belongs to no organization: ask an administrator to add you to one.");
        }

        new Screen(surroundings).Note(
            "You belong to no organization yet: ask an administrator to invite you; 'envplatform invitations list' shows invitations.");
        return null;
    }

    private async Task<OrganizationView> NamedAsync(IReadOnlyList<OrganizationView> all, string wanted, CancellationToken ct)
    {
        var found = all.FirstOrDefault(view => view.Slug == wanted)
            ?? (More(all) > 0 ? await FindAsync(wanted, ct) : null)
            ?? throw new AgentException($"You do not belong to the organization '{wanted}', but to {List(all)}.");
        if (found.EnvironmentsEnabled == false)
        {
            new Screen(surroundings).Note(
                $"{found.Title} does not manage environments yet: an administrator switches it on in the organization's settings.");
        }

        return found;
    }

    private async Task<OrganizationView> AskAsync(
        OrganizationView[] enabled, IReadOnlyList<OrganizationView> all, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        for (var number = 1; number <= enabled.Length; number++)
        {
            screen.Note($"  {number.ToString(CultureInfo.InvariantCulture),3}  {enabled[number - 1].Label}");
        }

        for (var attempt = 1; ; attempt++)
        {
            await surroundings.Error.WriteAsync($"Which organization ({List(enabled)})? ");
            if ((await surroundings.In.ReadLineAsync(ct))?.Trim() is not { Length: > 0 } answer)
            {
                throw new AgentException($"No organization was chosen: add --org with one of {List(enabled)}.", ExitCodes.Usage);
            }

            if (int.TryParse(answer, NumberStyles.None, CultureInfo.InvariantCulture, out var chosen)
                && chosen >= 1 && chosen <= enabled.Length && all.All(view => view.Slug != answer))
            {
                return enabled[chosen - 1];
            }

            try
            {
                return await NamedAsync(all, answer, ct);
            }
            catch (AgentException wrong) when (attempt < Tries && wrong is not (RefusedException or UnreachableException))
            {
                screen.Note(wrong.Message);
            }
        }
    }

    private long More(IReadOnlyList<OrganizationView> all) => (caller.OrganizationCount ?? all.Count) - all.Count;

    private string List(IReadOnlyList<OrganizationView> views)
    {
        var more = More(caller.Views());
        return string.Join(", ", views.Select(view => view.Slug)) + (more > 0 ? $" and {more} more" : "");
    }

    private async Task<OrganizationView?> FindAsync(string slug, CancellationToken ct) =>
        (await client.GetAsync("api/v1/me/organizations" + Session.Query(("slug", slug)), CallOptions.Usual, ct))
            .As(AgentJson.Default.PageOrganizationView).Items is [var found, ..] ? found : null;
}
