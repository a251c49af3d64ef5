using System.Buffers;
using System.Text.RegularExpressions;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>A command that a member can paste.</summary>
/// <param name="Manager">conda or pypi: the installer.</param>
/// <param name="Shell">posix; windows (both the command prompt and PowerShell); powershell.</param>
public sealed record UpgradeCommand(string Manager, string Shell, string Command);

/// <summary>Where the commands apply.</summary>
/// <param name="Prefix">The folder; null where it is not known.</param>
/// <param name="Platform">As conda names it; null where it is not known.</param>
internal sealed partial record UpgradeTarget(string? Prefix, string? Name, string? Platform)
{
    public bool IsWindows =>
        Platform is null ? Prefix is not null && Drive().IsMatch(Prefix) : Platform.StartsWith("win-", StringComparison.Ordinal);

    /// <summary>
    /// <c>--prefix</c>, or <c>--name</c> where the log was of a file and its path stands for the prefix, or nothing where neither can be
    /// given; the commands then apply to the active environment.
    /// </summary>
    public string[] Options =>
        Prefix is { Length: > 0 } && !File().IsMatch(Prefix) && IsPrintable(Prefix)
            ? ["--prefix", IsWindows ? Prefix.TrimEnd('\\') : Prefix]
        : Name is { Length: > 0 } && Name[0] != '-' && IsPrintable(Name)
            ? IsPath(Name) ? ["--prefix", Name]
            : Name.AsSpan().ContainsAny(NotOfName) ? []
            : ["--name", Name]
        : [];

    // What conda refuses in a name. An environment that was made by its path is often logged with the path as its name.
    private static readonly SearchValues<char> NotOfName = SearchValues.Create("/\\:# \t");

    private static bool IsPath(string name) => name[0] == '/' || Drive().IsMatch(name);

    private static bool IsPrintable(string text) => !text.Any(char.IsControl);

    [GeneratedRegex(@"^[A-Za-z]:[\\/]", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Drive();

    [GeneratedRegex(
        @"\.(txt|ya?ml|json|lock)(#[a-z0-9-]+)?$",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex File();
}

/// <summary>The commands that carry out upgrades: conda's first, since pip works on what conda leaves behind.</summary>
internal static partial class UpgradeCommands
{
    public static UpgradeCommand[] Of(IReadOnlyList<Upgrade> upgrades, UpgradeTarget target, IEnumerable<string> condaChannels)
    {
        var conda = upgrades.Where(upgrade => upgrade.Manager == "conda").Select(upgrade => upgrade.Spec).ToArray();
        var pip = upgrades.Where(upgrade => upgrade.Manager == "pypi").Select(upgrade => upgrade.Spec).ToArray();
        var commands = new List<UpgradeCommand>();
        if (conda.Length > 0)
        {
            commands.Add(Command("conda", target, ["conda", "install", .. target.Options, .. Channels(condaChannels), .. conda]));
        }

        if (pip.Length > 0)
        {
            string[] run = target.Options.Length > 0 ? ["conda", "run", .. target.Options] : [];
            commands.Add(Command("pypi", target, [.. run, "python", "-m", "pip", "install", "--upgrade", .. pip]));
        }

        return [.. commands];
    }

    private static UpgradeCommand Command(string manager, UpgradeTarget target, string[] words)
    {
        var (shell, command) = ShellWords.Join(words, target.IsWindows);
        return new(manager, shell, command);
    }

    // A package's own channel is added to the configured ones. The default channels need not be named, and the stored address of a private
    // channel lacks its credentials.
    private static IEnumerable<string> Channels(IEnumerable<string> channels) =>
        channels.Where(channel => channel != "defaults" && PublicName().IsMatch(channel)).Distinct(StringComparer.Ordinal)
            .OrderBy(channel => channel != "conda-forge").ThenBy(channel => channel, StringComparer.Ordinal)
            .SelectMany(channel => (string[])["--channel", channel]);

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex PublicName();
}
