using EnvPlatform.Contracts.Masking;

namespace EnvPlatform.Agent.Collectors;

/// <summary>Reads <c>conda-meta/history</c>, where conda keeps one block for each change of an environment.</summary>
internal static class CondaHistory
{
    private const string CommandMark = "# cmd:";

    /// <summary>The last command that changed the environment, secrets masked; null where none is recorded.</summary>
    public static string? LastCommand(IEnumerable<string> lines)
    {
        var last = lines
            .Where(line => line.StartsWith(CommandMark, StringComparison.Ordinal))
            .Select(line => line[CommandMark.Length..].Trim())
            .LastOrDefault(command => command.Length > 0);
        return last is null ? null : Secrets.Masked(last);
    }

    /// <summary>As <see cref="LastCommand"/>, for an environment; null, with a warning, where its history cannot be read.</summary>
    public static string? LastCommandOf(string prefix, ICollection<string> warnings)
    {
        var command = Folder.Read(
            Path.Combine(prefix, "conda-meta", "history"), file => LastCommand(File.ReadLines(file)), out var trouble);
        if (trouble is not null)
        {
            warnings.Add($"conda-meta/history cannot be read, so that the last command is not known: {trouble}");
        }

        return command;
    }
}
