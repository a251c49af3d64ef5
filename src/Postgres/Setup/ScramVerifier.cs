using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.Postgres.Setup;

/// <summary>
/// What PostgreSQL stores of a password (RFC 5803, in PostgreSQL's form). Given in place of the password, it keeps that out of the server's
/// log and statistics.
/// </summary>
internal static class ScramVerifier
{
    private const int Iterations = 4_096;

    /// <param name="password">Printable ASCII, so that it needs no SASLprep.</param>
    public static string Of(string password)
    {
        if (password.Length == 0 || password.Any(character => character is < '!' or > '~'))
        {
            throw new ArgumentException("The password of a database role is printable ASCII without spaces.", nameof(password));
        }

        var salt = RandomNumberGenerator.GetBytes(16);
        var salted = Rfc2898DeriveBytes.Pbkdf2(password, salt, Iterations, HashAlgorithmName.SHA256, 32);
        var storedKey = SHA256.HashData(HMACSHA256.HashData(salted, Encoding.ASCII.GetBytes("Client Key")));
        var serverKey = HMACSHA256.HashData(salted, Encoding.ASCII.GetBytes("Server Key"));
        return $"SCRAM-SHA-256${Iterations}:{Convert.ToBase64String(salt)}"
            + $"${Convert.ToBase64String(storedKey)}:{Convert.ToBase64String(serverKey)}";
    }
}
