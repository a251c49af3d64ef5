using System.Text;

namespace EnvPlatform.Agent.Commands;

/// <summary>Asks for a secret on a terminal without showing it.</summary>
internal static class HiddenPrompt
{
    public static string Read(Surroundings surroundings, string question)
    {
        surroundings.Error.Write(question);
        var text = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                text.Length = Math.Max(0, text.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                text.Append(key.KeyChar);
            }
        }

        surroundings.Error.WriteLine();
        return text.ToString();
    }
}
