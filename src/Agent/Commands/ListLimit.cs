using System.CommandLine.Parsing;
using System.Globalization;

namespace EnvPlatform.Agent.Commands;

/// <summary>The limits of a list that the platform accepts.</summary>
internal static class ListLimit
{
    public static void Check(OptionResult result)
    {
        if (result.Tokens is [var token]
            && !(int.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= 1_000))
        {
            result.AddError("--limit is a number from 1 to 1000.");
        }
    }
}
