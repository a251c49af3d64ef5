using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Output;

/// <summary>
/// Upgrades: the commands to standard output, so that they can be copied or piped, what they do and what they leave to standard error.
/// </summary>
internal static class UpgradeLines
{
    private const int Named = 5;

    public static void Write(UpgradesView upgrades, Screen screen)
    {
        foreach (var upgrade in upgrades.Items ?? [])
        {
            var left = upgrade.Remaining is [_, ..] remaining ? $", leaves {Ids(remaining)}" : "";
            var isChecked = upgrade.Checked ? "; its channel has it, and it goes with the rest" : "";
            screen.Note(
                $"{upgrade.Name} {upgrade.Version} -> {upgrade.To} ({upgrade.Manager}) clears {Ids(upgrade.Clears ?? [])}{left}"
                + isChecked);
            if (upgrade.Note is { } note)
            {
                screen.Note("  " + note);
            }
        }

        foreach (var unfixed in upgrades.Unfixed ?? [])
        {
            screen.Note($"{unfixed.Name} {unfixed.Version} ({unfixed.Manager}) keeps {unfixed.Vulnerability}: {unfixed.Known}");
        }

        foreach (var note in upgrades.Notes ?? [])
        {
            screen.Note(note);
        }

        if (upgrades.Items is not [_, ..])
        {
            screen.Note(upgrades.Unfixed is [_, ..] ? "No upgrade helps." : "Nothing is to be upgraded.");
        }

        foreach (var command in upgrades.Commands ?? [])
        {
            screen.Line(command.Command);
        }

        if ((upgrades.Commands ?? []).Any(command => command.Shell == "powershell"))
        {
            screen.Note("The commands are for PowerShell: the environment's folder cannot be written for the command prompt.");
        }
    }

    private static string Ids(IReadOnlyList<string> ids) =>
        string.Join(", ", ids.Take(Named)) + (ids.Count > Named ? $" and {ids.Count - Named} more" : "");
}
