using System.CommandLine;

using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Collectors.Files;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>The options that select the environments of a command; without any, the active one.</summary>
internal sealed class TargetOptions
{
    private readonly Option<string?> _prefix = new("--prefix", "-p") { Description = "The environment at this folder.", HelpName = "PATH" };
    private readonly Option<string?> _name = new("--name", "-n") { Description = "The environment of this name.", HelpName = "NAME" };
    private readonly Option<string?> _file = new("--file", "-f")
    {
        Description =
            "The environments in this file: an @EXPLICIT list, conda list --json or --export, conda-lock.yml, pixi.lock, uv.lock, "
            + "pylock.toml, or environment.yml with exact versions.",
        HelpName = "FILE",
    };

    private readonly Option<bool> _all = new("--all") { Description = "Every environment of this user." };
    private readonly Option<string?> _platform = new("--platform")
    {
        Description = "With --file: the platform of interest in a lock file, or the platform of a file that does not say.",
        HelpName = "PLATFORM",
    };

    private readonly Option<string?> _environment = new("--environment")
    {
        Description = "With --file: the environment of interest in a pixi.lock; by default all of them.",
        HelpName = "NAME",
    };

    private TargetOptions()
    {
    }

    /// <summary>
    /// Gives a command <c>--prefix</c> and <c>--name</c>, and on request <c>--file</c> with <c>--platform</c> and
    /// <c>--environment</c>, and <c>--all</c>.
    /// </summary>
    public static TargetOptions AddTo(Command command, bool files = false, bool all = false)
    {
        var options = new TargetOptions();
        var exclusive = new List<Option> { options._prefix, options._name };
        if (files)
        {
            exclusive.Add(options._file);
        }

        if (all)
        {
            exclusive.Add(options._all);
        }

        foreach (var option in exclusive)
        {
            command.Options.Add(option);
        }

        if (files)
        {
            command.Options.Add(options._platform);
            command.Options.Add(options._environment);
        }

        command.Validators.Add(result =>
        {
            if (exclusive.Count(option => result.GetResult(option) is { Implicit: false }) > 1)
            {
                result.AddError($"Give only one of {string.Join(", ", exclusive.Select(option => option.Name))}.");
            }
        });
        return options;
    }

    /// <summary>The prefix of the one environment that is meant.</summary>
    /// <exception cref="AgentException">There is none of that name, or none is active.</exception>
    public string Prefix(ParseResult parsed, Surroundings surroundings)
    {
        if (parsed.GetValue(_prefix) is { } prefix)
        {
            return surroundings.FullPath(prefix);
        }

        if (parsed.GetValue(_name) is { } name)
        {
            var finder = new EnvironmentFinder(surroundings);
            var found = finder.ByName(name);
            Warn(finder, surroundings);
            return found ?? throw new AgentException(
                $"There is no environment named '{name}': see 'conda env list', or give its folder with --prefix.");
        }

        return surroundings["CONDA_PREFIX"] is { } active
            ? surroundings.FullPath(active)
            : throw new AgentException("No environment is active: say which one with --prefix or --name.", ExitCodes.Usage);
    }

    /// <summary>As the other one, for commands that take no <c>--all</c>, for which nothing can be missed.</summary>
    public IEnumerable<CollectedEnvironment> Collect(ParseResult parsed, Surroundings surroundings) =>
        Collect(parsed, surroundings, out _);

    /// <summary>Reads the environments that are meant, one after the other.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="surroundings">The machine.</param>
    /// <param name="mayMiss">True where all are meant and some may not have been found, which was said on standard error.</param>
    /// <exception cref="AgentException">One is not there or cannot be read.</exception>
    public IEnumerable<CollectedEnvironment> Collect(ParseResult parsed, Surroundings surroundings, out bool mayMiss)
    {
        mayMiss = false;
        var platform = parsed.GetValue(_platform);
        if (platform is not null && !(CondaChannel.IsSubdir(platform) && platform != "noarch"))
        {
            throw new AgentException($"'{platform}' is not a platform of conda, such as linux-64 or osx-arm64.", ExitCodes.Usage);
        }

        if (parsed.GetValue(_file) is { } file)
        {
            var path = surroundings.FullPath(file);
            if (!File.Exists(path))
            {
                throw new AgentException($"There is no file {path}.");
            }

            return EnvironmentFile.Read(path, platform, parsed.GetValue(_environment));
        }

        if (parsed.GetValue(_environment) is not null)
        {
            throw new AgentException("--environment is for the pixi.lock that --file names.", ExitCodes.Usage);
        }

        if (!parsed.GetValue(_all))
        {
            return [Read(Prefix(parsed, surroundings))];
        }

        var finder = new EnvironmentFinder(surroundings);
        var prefixes = finder.All();
        mayMiss = Warn(finder, surroundings);
        return prefixes.Count > 0
            ? prefixes.Select(ReadOneOfAll)
            : throw new AgentException("No environment was found on this machine for this user.");
    }

    /// <summary>
    /// An environment that cannot be read has no packages and a warning with the reason, so that the others are still processed.
    /// </summary>
    private static CollectedEnvironment ReadOneOfAll(string prefix)
    {
        try
        {
            return Read(prefix);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            return new CollectedEnvironment(prefix, CondaEnvironment.NameOf(prefix), null, null, [], [], [failure.Message]);
        }
    }

    private static bool Warn(EnvironmentFinder finder, Surroundings surroundings)
    {
        var screen = new Screen(surroundings);
        foreach (var unread in finder.Unread)
        {
            screen.Warn(unread);
        }

        return finder.Unread.Count > 0;
    }

    private static CollectedEnvironment Read(string prefix) =>
        CondaEnvironment.IsAt(prefix)
            ? CondaEnvironment.Read(prefix)
            : throw new AgentException($"{prefix} is not a conda environment: it has no conda-meta folder with records."
                + PixiEnvironments.Advice(prefix));
}
