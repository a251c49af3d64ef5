using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Identity.SignIn;

/// <summary>Password hashes: PBKDF2 with HMAC-SHA512 and a random salt, in the format of ASP.NET Core Identity.</summary>
internal static class Passwords
{
    /// <summary>As recommended for PBKDF2-HMAC-SHA512 by OWASP's Password Storage Cheat Sheet.</summary>
    private const int Iterations = 210_000;

    private static readonly PasswordHasher<object> Hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = Iterations }));
    private static readonly object Nobody = new();
    private static readonly string Unmatchable = Hasher.HashPassword(Nobody, Guid.CreateVersion7().ToString());

    public static string Hash(string password) => Hasher.HashPassword(Nobody, password);

    /// <summary>Takes as long without a hash as with one, so that the time does not reveal which accounts exist.</summary>
    public static bool Verify(string? hash, string password) =>
        Hasher.VerifyHashedPassword(Nobody, hash ?? Unmatchable, password) != PasswordVerificationResult.Failed && hash is not null;
}
