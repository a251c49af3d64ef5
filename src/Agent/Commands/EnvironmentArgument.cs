using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Which environment of the platform a command is about: an id, or the environment of <c>--prefix</c> or <c>--name</c>, or
/// the active one.
/// </summary>
internal sealed class EnvironmentArgument
{
    private readonly Argument<string?> _id = new("id")
    {
        Description = "The environment's id; without it, the environment of --prefix or --name, or the active one.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly TargetOptions _target;

    private EnvironmentArgument(Command command)
    {
        _id.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !Guid.TryParse(token.Value, out _))
            {
                result.AddError($"'{token.Value}' is not the id of an environment; see 'envplatform env list'.");
            }
        });
        command.Add(_id);
        _target = TargetOptions.AddTo(command);
    }

    public static EnvironmentArgument AddTo(Command command) => new(command);

    /// <exception cref="AgentException">The platform does not know an environment there.</exception>
    public async Task<Guid> ResolveAsync(ParseResult parsed, Session session, CancellationToken ct)
    {
        if (parsed.GetValue(_id) is { } given)
        {
            return Guid.Parse(given);
        }

        var prefix = _target.Prefix(parsed, session.Surroundings);
        var path = session.Path("activation")
            + Session.Query(("machine_id", Machine.IdOf(session).ToString()), ("prefix", RealPath.Of(prefix)));
        var known = (await session.Client.GetAsync(path, CallOptions.Usual, ct)).AsActivation();
        return known.EnvironmentId
            ?? throw new AgentException($"The platform does not know {prefix}: 'envplatform log --prefix {ShellWord.Of(prefix)}' logs it.");
    }
}
