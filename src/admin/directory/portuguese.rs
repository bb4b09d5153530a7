//! What the workbench finds, in Portuguese: for each code its sentence and what to do. The English texts
//! stand with the codes; the compiler sees that none is missing here.

use crate::identity::workbench::Code;

macro_rules! texts {
    ($($code:ident $says:literal $fix:literal;)*) => {
        /// The sentence of a code, and its remedy, which is empty where there is none.
        pub(super) const fn of(code: Code) -> (&'static str, &'static str) {
            match code {
                $(Code::$code => ($says, $fix),)*
            }
        }
    };
}

texts! {
    NotRun "Não foi tentado, porque um passo anterior falhou." "";
    OutOfTime "Esgotaram-se os {limit} para o conjunto dos passos."
        "Descubra porque é que o diretório está tão lento: os passos anteriores mostram onde se gastou o tempo.";

    Resolved "{host} é {addresses}." "";
    IsAddress "{host} já é um endereço." "";
    NoServer "Nenhum servidor está indicado." "Escreva ldaps://servidor em urls.";
    BadUrl "{url} não é o endereço de um diretório."
        "Escreva ldaps://servidor, ou ldap://servidor:porta.";
    NoAddress "O nome {host} não tem endereço."
        "Verifique como está escrito em urls e o servidor de nomes desta máquina.";
    NoNameServer "Nenhum servidor de nomes disse em {limit} o que é {host}."
        "Verifique o servidor de nomes desta máquina (/etc/resolv.conf).";

    Connected "Ligado a {address}." "";
    SomeDead "Ligado a {address}; antes, {dead} não respondeu."
        "Retire do servidor de nomes o que não responde: quem o tentar primeiro fica à espera.";
    Refused "{host} recusa ligações à porta {port}."
        "Confirme que o diretório está a funcionar e escuta na porta {port} (ldaps 636, ldap 389).";
    ConnectSilent "{host} não responde na porta {port} em {limit}."
        "Pode ser uma firewall: permita que esta máquina chegue a {host}, porta {port}.";
    Unreachable "Não é possível chegar a {host}, porta {port}: {reason}."
        "Verifique a rede e as rotas desta máquina.";
    OtherPort "{host} responde na porta {other}, e não na porta {port}."
        "Use {url}, ou peça que a porta {port} seja aberta.";

    TlsGood "{version}; o certificado é de {names} e é válido até {until}." "";
    Plain "A ligação não é cifrada: as palavras-passe circulam às claras."
        "Use ldaps://, ou start_tls = true.";
    PlainOffers "A ligação não é cifrada, embora o servidor ofereça StartTLS: as palavras-passe circulam às claras."
        "Ative start_tls = true.";
    EndsSoon "O certificado de {subject} termina em {until}." "Mande renová-lo antes desse dia.";
    UnknownAuthority "O certificado foi emitido por {issuer}, em quem este servidor não confia."
        "Peça o certificado dessa autoridade a quem gere o diretório e indique-o como ca_file.";
    AuthorityShown "O certificado foi emitido por {issuer}, em quem este servidor não confia; o servidor mostra o certificado de {subject}."
        "Compare a impressão digital {fingerprint} com quem gere o diretório. Se for a mesma, confie nesse certificado: indique-o como ca_file.";
    WrongName "O certificado é de {names}; o endereço diz {host}."
        "Use em urls um nome do certificado, ou peça um emitido para {host}.";
    NoName "O certificado não nomeia nenhum servidor (sem subjectAltName), logo não é de {host}."
        "Peça um que nomeie {host} em subjectAltName.";
    Expired "O certificado de {subject} terminou em {until}."
        "Mande renová-lo; se a data está no futuro, acerte o relógio desta máquina.";
    NotYet "O certificado de {subject} só é válido a partir de {from}, o que ainda não chegou."
        "Acerte o relógio desta máquina, ou mande emitir outro certificado.";
    AuthorityAsServer "O servidor mostra como seu o próprio certificado de uma autoridade."
        "Peça a essa autoridade que emita um para o servidor.";
    BadCertificate "O certificado não pode ser usado: {reason}."
        "Mande emitir outro certificado para o diretório.";
    BadHostName "{host} não pode ser o nome de um certificado."
        "Use em urls o nome DNS do servidor.";
    SpeaksPlain "A porta {port} fala LDAP sem TLS."
        "Use {url} com start_tls = true, ou a porta de ldaps, que é a 636.";
    SpeaksTls "A porta {port} fala TLS desde o primeiro byte." "Use {url}, sem start_tls.";
    NotTls "O que responde na porta {port} não fala nem TLS nem LDAP."
        "Verifique a porta: ldaps 636, ldap 389.";
    StartTlsRefused "O servidor recusa StartTLS; nada mais foi enviado."
        "Mande instalar lá um certificado, ou use ldaps://.";
    Injected "Algo foi dito às claras depois de combinado o StartTLS: pode haver alguém pelo meio."
        "Use ldaps://, e descubra quem está entre esta máquina e o diretório.";
    TooOld "Não há nenhuma versão ou cifra de TLS que ambos conheçam; este servidor quer 1.2 ou 1.3."
        "Mande permitir TLS 1.2 no diretório.";
    ClientCertificate "O servidor exige um certificado aos clientes."
        "Permita ligações sem certificado a partir desta máquina.";
    Handshake "O TLS falhou: {reason}." "Consulte o registo do diretório.";
    AuthorityFile "O certificado da autoridade não pode ser usado: {problem}."
        "Tem de ser um certificado em formato PEM (-----BEGIN CERTIFICATE-----).";
    AuthorityWithheld "Aqui só se lê o ficheiro de autoridades que está configurado."
        "Cole o certificado da autoridade.";

    Silent "O servidor aceita ligações e não diz nada em {limit}."
        "Veja se o diretório está bloqueado: reinicie-o e consulte o registo.";
    Closed "O servidor fechou a ligação."
        "Consulte o registo do diretório; talvez não permita ligações desta máquina.";
    Broken "A ligação caiu: {reason}." "Consulte o registo do diretório.";
    Garbage "O que responde na porta {port} não é um servidor LDAP; parece {looks}."
        "Verifique a porta: ldaps 636, ldap 389.";
    TooMuch "O servidor envia numa só resposta mais do que alguém precisa."
        "Restrinja base_dn e user_filter, e deixe de fora os atributos grandes.";
    Notice "O servidor termina a ligação: {meaning}."
        "Tente de novo; se persistir, consulte o registo do diretório.";
    Busy "O diretório não pode responder agora: {meaning}."
        "Tente de novo; se persistir, consulte o registo do diretório.";
    Known "O servidor é {vendor} e contém {contexts}." "";
    NoPaging "O servidor não diz que entrega listas por páginas; as longas podem vir cortadas."
        "Permita o controlo 1.2.840.113556.1.4.319.";

    Bound "Sessão iniciada como {who}." "";
    BoundNobody "Sessão iniciada como ninguém, porque bind_dn está vazio." "";
    BoundInVain "O servidor diz que sim a {who} e trata-o como ninguém."
        "Verifique bind_dn e a sua palavra-passe.";
    Credentials "O diretório recusa {who} com esta palavra-passe."
        "Verifique bind_dn e a sua palavra-passe.";
    NeedsEncryption "O diretório só aceita palavras-passe em ligações cifradas."
        "Use ldaps://, ou start_tls = true.";
    NobodyRefused "O diretório não permite perguntas a quem não inicia sessão."
        "Preencha bind_dn e a sua palavra-passe.";
    BadBindDn "{who} não é um nome distinto (DN)."
        "Escreva bind_dn na forma cn=tagus,dc=campus,dc=example.";
    BindRefused "O diretório não deixa entrar {who}: {meaning}." "Consulte o registo do diretório.";
    PasswordFile "A palavra-passe de bind_dn não pode ser lida: {problem}."
        "O servidor tem de poder ler bind_password_file.";
    PasswordFileOpen "{path} tem o modo {mode}: outros nesta máquina podem ler a palavra-passe."
        "chmod 600 {path}";
    EmptyPassword "A palavra-passe de bind_dn está vazia, o que não identificaria ninguém e pareceria funcionar."
        "Indique a palavra-passe da conta de serviço.";
    PasswordNeeded "A palavra-passe guardada só é enviada para onde está em uso."
        "Escreva de novo a palavra-passe de bind_dn: o servidor, a sua autoridade ou bind_dn mudaram.";

    AdUnknown "O Active Directory não conhece {who} (525)." "Verifique o nome.";
    AdPassword "A palavra-passe de {who} está errada (52e)." "Verifique a palavra-passe.";
    AdHours "{who} não pode iniciar sessão a esta hora (530)."
        "Altere as horas de início de sessão da conta.";
    AdPlace "{who} não pode iniciar sessão a partir desta máquina (531)."
        "Permita esta máquina em «Iniciar sessão em» da conta.";
    AdPasswordExpired "A palavra-passe de {who} expirou (532)."
        "Defina uma nova; a de uma conta de serviço não deve expirar.";
    AdDisabled "A conta de {who} está desativada (533)." "Ative-a no Active Directory.";
    AdExpired "A conta de {who} expirou (701)." "Prolongue-a no Active Directory.";
    AdMustChange "{who} tem primeiro de definir uma nova palavra-passe (773)."
        "Defina uma, ou retire «o utilizador tem de alterar a palavra-passe no próximo início de sessão».";
    AdLocked "A conta de {who} está bloqueada após demasiadas palavras-passe erradas (775)."
        "Desbloqueie-a no Active Directory e descubra quem anda a tentar.";

    Counted "{count} entradas abaixo de {base}, lidas em {milliseconds} ms." "";
    Paged "O servidor entregou-as em {pages} páginas." "";
    LockedOut "{count} delas estão excluídas por disabled_filter." "";
    CountedInPart "Foram lidas {count} entradas em {limit}; há mais."
        "Indexe os atributos de user_filter. O servidor lê a lista completa com tempo.";
    SizeLimit "O diretório entrega {count} entradas e não mais: é o limite desta conta."
        "Permita que bind_dn leia todas as pessoas por páginas (OpenLDAP: limits, Active Directory: MaxPageSize).";
    References "Há partes abaixo que estão noutros servidores ({servers}), aos quais não se pergunta." "";
    Nobody "Ninguém corresponde a {filter} abaixo de {base}; procurou-se em tudo o que está abaixo (scope sub)."
        "Verifique base_dn e user_filter, e se bind_dn pode ler as pessoas.";
    NothingBelow "Não é possível ler absolutamente nada abaixo de {base}."
        "Permita que bind_dn leia o que está abaixo, ou verifique base_dn.";
    OtherFilter "Há entradas abaixo de {base}, e {filter} corresponde a algumas."
        "Use {filter} como user_filter, se são estas as pessoas.";
    Elsewhere "{filter} encontra pessoas em {base}." "Use {base} como base_dn, se são estas as pessoas.";
    NoBase "{base} não existe, ou bind_dn não pode saber que existe." "Verifique base_dn.";
    NoBaseNear "{base} não existe; o que existe termina em {nearest}." "Verifique base_dn.";
    BadBase "{base} não é um nome distinto (DN)."
        "Escreva base_dn na forma ou=people,dc=campus,dc=example.";
    BadFilter "{key} não é um filtro: {filter}."
        "Um filtro escreve-se (atributo=valor), e os parênteses fecham todos.";
    NoUserInFilter "user_filter não diz onde entra o nome."
        "Escreva {user} onde entra o nome da pessoa: (uid={user}).";
    NoRights "{who} não pode ler abaixo de {base}." "Permita que bind_dn leia as pessoas.";
    SignInFirst "O diretório só responde a quem inicia sessão."
        "Preencha bind_dn e a sua palavra-passe.";
    Referral "{base} está noutro servidor: {servers}. Os reencaminhamentos não são seguidos."
        "Indique esse servidor em urls, ou use uma base_dn que este contenha.";
    GaveUp "O diretório desistiu: {meaning}."
        "Indexe os atributos de user_filter, ou aumente os limites de bind_dn.";
    SearchRefused "O diretório não procura: {meaning}." "Consulte o registo do diretório.";

    Mapped "{count} pessoas são mostradas como vão ficar." "";
    NoUser "Ninguém tem {attribute}, logo não seria possível distinguir as pessoas."
        "attribute_user tem de nomear um atributo que todos têm e bind_dn pode ler.";
    NoId "Ninguém tem {attribute}, logo outra pessoa com um nome antigo seria tomada pela primeira."
        "attribute_id tem de nomear um atributo que nunca muda e bind_dn pode ler: entryUUID, objectGUID, nsUniqueId, ipaUniqueID.";
    SomeLack "{count} pessoas não têm {attribute}." "Nada, se for intencional; caso contrário, verifique {key}.";
    DuplicateUser "{count} nomes de utilizador pertencem a duas entradas, e ninguém pode iniciar sessão com eles: {names}."
        "Restrinja user_filter para que cada nome exista uma só vez.";
    DuplicateMail "{count} endereços de correio pertencem a duas pessoas: {names}."
        "Corrija-os no diretório.";
    BadName "{count} nomes de utilizador não podem estar num endereço SIP: {names}."
        "Use outro atributo em attribute_user, ou dê outro nome a estas pessoas.";
    NoSecret "Não é possível ler {attribute} destas pessoas."
        "Permita que bind_dn leia {attribute}, ou deixe secret_attribute vazio e use credenciais de dispositivo.";
    BadSecret "O que {attribute} contém não tem o formato {format}."
        "Um resumo com sal não serve para Digest: deixe secret_attribute vazio e use credenciais de dispositivo.";

    NoGroups "Não se leem grupos, porque group_base_dn está vazio." "";
    Groups "{count} grupos, como {groups}." "";
    NoGroup "Nenhum grupo corresponde a {filter} abaixo de {base}."
        "Verifique group_base_dn e group_filter, e se bind_dn pode ler os grupos.";
    NobodyInGroups "Ninguém está em nenhum dos grupos."
        "Permita que bind_dn leia member, uniqueMember ou memberUid dos grupos.";
    TooDeep "Há grupos dentro de grupos a mais de 16 níveis; o que está abaixo não é visto."
        "Aninhe menos os grupos.";
    NoAdminGroup "Não existe o grupo {group}, que admin_group nomeia." "Verifique admin_group.";
    NoGroupBase "{base} não existe." "Verifique group_base_dn.";
    BadGroupBase "{base} não é um nome distinto (DN)." "Verifique group_base_dn.";
    GroupsRefused "Não é possível ler os grupos: {meaning}."
        "Permita que bind_dn leia os grupos, por páginas e sem limite.";

    NoSignIn "Não foi indicada nenhuma pessoa para iniciar sessão." "";
    Found "{user} é {dn}, encontrado em {milliseconds} ms." "";
    Accepted "O diretório aceita esta palavra-passe, em {milliseconds} ms." "";
    ByDevice "{user} inicia sessão com uma palavra-passe por dispositivo (tagus device add)." "";
    BySecret "{user} inicia sessão com o que {attribute} contém." "";
    InGroups "{user} está em {groups}." "";
    InNoGroup "{user} não está em nenhum dos grupos." "";
    IsAdmin "{user} está em {group} e administra." "";
    Slow "Encontrar uma pessoa demora {milliseconds} ms, e o servidor espera no máximo {limit}."
        "Indexe no diretório os atributos de user_filter.";
    UnknownPerson "Ninguém corresponde a {filter} abaixo de {base}."
        "{user} está bem escrito? Se sim, verifique base_dn e user_filter, e se bind_dn pode ler as pessoas.";
    Ambiguous "{count} entradas correspondem ao nome {user}, que por isso não identifica ninguém."
        "Restrinja user_filter para que encontre uma só.";
    OtherName "{dn} corresponde, e o seu próprio nome não é {user}."
        "Indique o nome tal como attribute_user o tem.";
    PersonLocked "{user} está excluído por disabled_filter." "Nada, se for intencional.";
    NoPassword "Uma palavra-passe vazia nunca é tentada: os diretórios tomam-na por ninguém e dizem que sim."
        "Indique uma palavra-passe.";
    WrongPassword "O diretório recusa esta palavra-passe de {user}."
        "Está errada ou expirou, ou a conta está bloqueada no diretório.";
    SignInRefused "O diretório não deixa entrar {user}: {meaning}." "Consulte o registo do diretório.";
}

/// What bytes look like that are no LDAP: words of the guard, in Portuguese.
pub(super) fn looks(english: &str) -> &str {
    match english {
        "a web server" => "um servidor web",
        "a mail server" => "um servidor de correio",
        "a SIP server" => "um servidor SIP",
        "a broken LDAP server" => "um servidor LDAP avariado",
        "nothing known" => "nada de conhecido",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The places of a text.
    fn places(text: &str) -> BTreeSet<&str> {
        let after = text.split('{').skip(1);
        after.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn each_code_says_in_portuguese_what_it_says_in_english() {
        let mut said = BTreeSet::new();
        for code in Code::ALL {
            let (says, fix) = of(*code);
            assert!(says.ends_with('.') && says != code.says(), "{}", code.key());
            assert_eq!(fix.is_empty(), code.fix().is_empty(), "{}", code.key());
            assert_eq!(places(says), places(code.says()), "{}", code.key());
            assert_eq!(places(fix), places(code.fix()), "{}", code.key());
            said.insert(says);
        }
        // Of the places that do not exist or are no names, people and groups are told the same.
        assert!(said.len() >= Code::ALL.len() - 2);
    }
}
