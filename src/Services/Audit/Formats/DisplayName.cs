using System.Globalization;

namespace EnvPlatform.Audit.Formats;

/// <summary>An action key as people read it: <c>user_added_to_group</c> is "User Added To Group".</summary>
internal static class DisplayName
{
    public static string Of(string actionKey) => CultureInfo.InvariantCulture.TextInfo.ToTitleCase(actionKey.Replace('_', ' '));
}
