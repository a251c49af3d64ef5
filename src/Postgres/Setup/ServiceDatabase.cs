using System.Reflection;
using System.Text;

namespace EnvPlatform.Postgres.Setup;

/// <summary>The database of one service, as <see cref="DatabaseSetup"/> prepares it.</summary>
/// <param name="Name">Of the database.</param>
/// <param name="Role">
/// What the service signs in as: it reads and writes rows of this database and has no other right. The owner of the database and of all in
/// it is <c>ROLE_owner</c>, as which nobody can sign in.
/// </param>
/// <param name="Password">Of the role.</param>
/// <param name="Scripts">The migrations, in order.</param>
/// <param name="Rights">
/// SQL that takes rights from the role again, whose name is the setting <c>envplatform.role</c>; null to leave all that it was given.
/// </param>
public sealed record ServiceDatabase(
    string Name, string Role, string Password, IReadOnlyList<MigrationScript> Scripts, string? Rights)
{
    public string Owner => Role + "_owner";

    /// <summary>The statement that creates it, which takes no parameter and runs in no transaction.</summary>
    /// <exception cref="InvalidOperationException">The name has other characters than small letters, digits and underlines.</exception>
    internal string Creation =>
        Name.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character == '_')
        ? $"create database {Name} template template0 encoding 'UTF8'"
        : throw new InvalidOperationException($"{Name} is no name for a database.");

    /// <summary>The text of an embedded file; null where there is none.</summary>
    public static string? RightsIn(Assembly assembly, string resource)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        using var stream = assembly.GetManifestResourceStream(resource);
        if (stream is null)
        {
            return null;
        }

        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
