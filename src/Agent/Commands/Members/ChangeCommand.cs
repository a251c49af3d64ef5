using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Members;

/// <summary>Suspends, resumes, removes or reinstates a member.</summary>
internal sealed class ChangeCommand : Command
{
    private readonly Argument<string> _member = Person.Argument();
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON: the member as it is now." };
    private readonly string _done;

    public ChangeCommand(Surroundings surroundings, string name, string description, string done)
        : base(name, description)
    {
        _done = done;
        Add(_member);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var (member, _) = await Person.FindAsync(session, parsed.GetValue(_member)!, Name == "reinstate" ? "removed" : null, ct);
        var path = session.Path($"members/{member.Id}");
        var answer = Name == "remove"
            ? await session.Client.WriteAsync(HttpMethod.Delete, path, null, CallOptions.Usual, ct)
            : await session.Client.WriteAsync(HttpMethod.Post, $"{path}/{Name}", null, CallOptions.Usual, ct);
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            // A removal is answered without a body.
            screen.Json(
                (Name == "remove" ? await session.Client.GetAsync(path, CallOptions.Usual, ct) : answer).Body);
            return ExitCodes.Fine;
        }

        screen.Line($"{member.DisplayName} {_done}.");
        return ExitCodes.Fine;
    }
}
